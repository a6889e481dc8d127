// SPDX-License-Identifier: Apache-2.0
// Router: bodies, the response, time.
#include "proxy/filters/network/http_connection_manager/router.hpp"

#include <algorithm>

#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {

Router::~Router() {
  if (pool_ != nullptr) pool_->cluster().release();
}

// --- The body of the request, from the last filter.

void Router::on_data(std::string_view data, bool end_of_stream) {
  end_in_ = end_of_stream;
  if (done_) return;
  if (exchange_ == nullptr) {
    if (!replayable_) return;
    keep_for_replay(data);
    const std::size_t limit = stream_.facts().listener->config->per_connection_buffer_limit;
    // Nothing can be sent yet: the client waits.
    if (body_ != nullptr && body_->size() > limit / 2) pause_client();
    return;
  }
  if (retries_left_ > 0 || retrying_)
    keep_for_replay(data);
  else if (!data.empty())
    replayable_ = false;
  touch_attempt();
  exchange_->send_data(data, end_of_stream);
  if (exchange_ != nullptr && end_of_stream) request_sent_ = stream_.now();
  if (exchange_ != nullptr && exchange_->congested() && !paused_client_) {
    stats_->upstream_flow_control_backed_up_total.add();
    pause_client();
  }
  if (data.size() == io::kBufferSize) relay_request();
}

void Router::pause_client() {
  if (paused_client_) return;
  paused_client_ = true;
  stream_.pause_request(PauseReason::upstream, true);
}

/// What was too much may have left without an event: at once.
void Router::resume_client() {
  if (!paused_client_ || exchange_ == nullptr || exchange_->congested()) return;
  paused_client_ = false;
  stats_->upstream_flow_control_drained_total.add();
  relay_request();
  stream_.pause_request(PauseReason::upstream, false);
}

void Router::keep_for_replay(std::string_view data) {
  if (!replayable_ || data.empty()) return;
  if (body_ == nullptr) body_ = std::make_unique<std::string>();
  body_->append(data);
  const std::size_t limit = stream_.facts().listener->config->per_connection_buffer_limit;
  if (body_->size() <= limit || exchange_ == nullptr) return;
  // Too much to be sent again: from here on there is only this attempt.
  replayable_ = false;
  retries_left_ = 0;
  conditions_ = 0;
  body_.reset();
  stats_->retry_or_shadow_abandoned.add();
}

void Router::on_trailers() {
  trailers_in_ = end_in_ = true;
  if (exchange_ == nullptr) return;
  exchange_->send_trailers(*stream_.request_trailers());
  if (exchange_ != nullptr) request_sent_ = stream_.now();
}

void Router::on_request_complete() {
  if (done_ || pool_ == nullptr) return;
  const Time now = stream_.now();
  if (timeout_.count() > 0) deadline_ = now + timeout_;
  begin_try_timeout();
  stream_.arm_timer();
}

/// It counts from when the whole request is there and an upstream connection has it: how long a
/// connection may take is the cluster's to say.
void Router::begin_try_timeout() {
  if (try_timeout_.count() == 0 || exchange_ == nullptr || forwarding_) return;
  if (!stream_.request_complete()) return;
  try_deadline_ = stream_.now() + try_timeout_;
  stream_.arm_timer();
}

void Router::flush() {
  if (exchange_ != nullptr) exchange_->flush();
  resume_client();
}

void Router::touch_attempt() {
  if (policy_ == nullptr || policy_->per_try_idle_timeout.count() == 0) return;
  const bool first = try_idle_deadline_ == kNever;
  try_idle_deadline_ = stream_.now() + policy_->per_try_idle_timeout;
  if (first) stream_.arm_timer();
}

void Router::on_request_drained() {
  stream_.guarded([&] {
    if (request_relay_ != nullptr)
      pump_request();
    else
      resume_client();
  });
}

// --- The response.

http::HeaderMap& Router::response_map() {
  if (response_ == nullptr) response_ = stream_.arena().make<http::HeaderMap>(stream_.arena());
  return *response_;
}

http::HeaderMap& Router::trailers_map() {
  if (trailers_ == nullptr) trailers_ = stream_.arena().make<http::HeaderMap>(stream_.arena());
  return *trailers_;
}

void Router::on_informational() {
  stream_.guarded([&] {
    const bool wanted =
        stream_.hcm().config->proxy_100_continue || response_->get(http::HeaderId::status) != "100";
    // There is no end to them; a client that does not read them needs none.
    if (wanted && !stream_.response_congested()) stream_.on_upstream_informational(*response_);
    response_->clear();
  });
}

void Router::end_attempt() {
  if (exchange_ != nullptr) local_ = exchange_->local_address();
  request_relay_.reset();
  response_relay_.reset();
  exchange_ = nullptr;
  try_deadline_ = try_idle_deadline_ = kNever;
  host_->stats[stream_.worker().worker].rq_active.sub();
}

void Router::on_response_headers(std::uint16_t status, bool end_of_stream) {
  stream_.guarded([&] {
    response_begun_ = stream_.now();
    touch_attempt();
    if (end_of_stream) end_attempt();
    report_status(status);
    if (may_retry_status(status)) {
      give_up_exchange();
      response_ = nullptr;
      schedule_retry();
      return;
    }
    if (attempts_ > 1 && retries_done_ > 0 && status < 500) stats_->upstream_rq_retry_success.add();
    forwarding_ = true;
    try_deadline_ = kNever;
    body_.reset();
    stats_->count_response(stats::ResponseOrigin::external, status);
    if (end_of_stream) finished();
    stream_.on_upstream_headers(*response_, status, end_of_stream);
  });
}

void Router::on_response_data(std::string_view data, bool end_of_stream) {
  stream_.guarded([&] {
    touch_attempt();
    if (end_of_stream) {
      end_attempt();
      finished();
    }
    stream_.on_upstream_data(data, end_of_stream);
    if (end_of_stream || exchange_ == nullptr) return;
    if (data.size() == io::kBufferSize) relay_response();
    if (stream_.response_congested()) {
      slow_client_ = true;
      update_response_pause();
    }
  });
}

void Router::on_response_trailers() {
  stream_.guarded([&] {
    end_attempt();
    finished();
    stream_.on_upstream_trailers(*trailers_);
  });
}

void Router::on_batch_end() {
  stream_.guarded([&] { stream_.on_upstream_batch_end(); });
}

void Router::pin() { stream_.pin(); }
void Router::unpin() { stream_.unpin(); }

void Router::pause_response(bool paused) {
  held_response_ = paused;
  update_response_pause();
}

void Router::on_response_drained() {
  if (response_relay_ != nullptr) {
    pump_response();
    return;
  }
  if (!slow_client_ || stream_.response_congested()) return;
  slow_client_ = false;
  relay_response();
  update_response_pause();
}

void Router::update_response_pause() {
  const bool pause = held_response_ || slow_client_;
  if (exchange_ == nullptr || pause == paused_response_) return;
  paused_response_ = pause;
  if (pause) stats_->upstream_flow_control_paused_reading_total.add();
  exchange_->pause_response(pause);
}

void Router::finished() {
  if (done_) return;
  done_ = true;
  deadline_ = try_deadline_ = try_idle_deadline_ = duration_deadline_ = retry_at_ = kNever;
  if (counted_) stats_->upstream_rq_active[priority_index()].sub();
  request_use_.reset();
  retry_use_.reset();
  for (std::uint32_t i = 0; i < retries_done_; ++i) stats_->retries_active[priority_index()].sub();
  if (forwarding_ && attempt_begun_ != kNever && stream_.request_received_ != kNever)
    stats_->record_time(
        stats::ResponseOrigin::external,
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                       stream_.now() - stream_.request_received_)
                                       .count()));
}

void Router::cancel() {
  const bool waited = waiting_.waits();
  if (exchange_ != nullptr || waited) stats_->upstream_rq_cancelled.add();
  if (waited) host_->stats[stream_.worker().worker].rq_active.sub();
  give_up_exchange();
  if (pool_ != nullptr) finished();
}

std::optional<Endpoint> Router::local_address() const noexcept {
  return exchange_ != nullptr ? exchange_->local_address() : local_;
}

std::optional<std::chrono::milliseconds> Router::idle_timeout() const noexcept {
  return action_ != nullptr ? action_->idle_timeout : std::nullopt;
}

Router::Time Router::next_time() const noexcept {
  return std::min({deadline_, try_deadline_, try_idle_deadline_, duration_deadline_, retry_at_});
}

void Router::on_time(Time now) {
  if (done_) return;
  if (now >= duration_deadline_) {
    stats_->upstream_rq_max_duration_reached.add();
    const bool begun = forwarding_;
    cancel();
    if (begun) {
      stream_.on_upstream_broken("max_duration_timeout", std::nullopt);
      return;
    }
    stream_.refuse_late("downstream duration timeout", "max_duration_timeout", {});
    return;
  }
  if (now >= deadline_) {
    timed_out(Timeout::whole);
    return;
  }
  if (now >= try_deadline_) {
    timed_out(Timeout::attempt);
    return;
  }
  if (now >= try_idle_deadline_) {
    timed_out(Timeout::attempt_idle);
    return;
  }
  if (now >= retry_at_) attempt();
}

}  // namespace weir::filters
