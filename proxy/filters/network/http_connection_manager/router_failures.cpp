// SPDX-License-Identifier: Apache-2.0
// Router: what happens when an attempt fails, retries among it.
#include <algorithm>

#include "proxy/filters/http/support.hpp"
#include "proxy/filters/network/http_connection_manager/reset_text.hpp"
#include "proxy/filters/network/http_connection_manager/router.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"
#include "proxy/filters/network/http_connection_manager/timeouts.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http::HeaderId;
using http_client::ResetReason;
using route::RetryOn;

constexpr std::uint32_t bit(RetryOn condition) { return static_cast<std::uint32_t>(condition); }

std::string with_underscores(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), ' ', '_');
  return out;
}

/// Calls `use` with the items of a list that commas separate until it says true.
template <class Use>
bool any_item(std::string_view list, Use&& use) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty() && use(item)) return true;
  }
  return false;
}

std::uint32_t asked_conditions(const Router::Asked& asked, std::uint16_t status,
                               const http::HeaderMap& response) {
  std::uint32_t condition = 0;
  if (any_item(asked.codes,
               [&](std::string_view item) { return parse_header_number(item) == status; }))
    condition |= bit(RetryOn::retriable_status_codes);
  if (any_item(asked.headers,
               [&](std::string_view item) { return response.find(item) != nullptr; }))
    condition |= bit(RetryOn::retriable_headers);
  return condition;
}

constexpr std::uint8_t kMostReplays = 4;

/// Methods that may be done twice (RFC 9110 §9.2.2).
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE" || method == "TRACE";
}

}  // namespace

void Router::on_reset(ResetReason reason, std::string_view detail) {
  stream_.guarded([&] {
    // What was waiting for a connection has no exchange.
    failed(reason, detail);
  });
}

void Router::failed(ResetReason reason, std::string_view detail) {
  const bool reused = exchange_ != nullptr && exchange_->reused();
  end_attempt();
  if (stream_.over()) return;
  // Envoy tells what the transport said only of a connection that was never there.
  if (reason == ResetReason::connect_failed) failure_ = detail;
  const ResetText text = reset_text(reason);
  if (reason == ResetReason::remote_reset || reason == ResetReason::refused_stream)
    stats_->upstream_rq_rx_reset.add();
  if (forwarding_) {
    finished();
    const bool cut =
        reason == ResetReason::protocol_error || reason == ResetReason::connection_terminated;
    const std::string details =
        "upstream_reset_after_response_started{" +
        with_underscores(cut && reason == ResetReason::connection_terminated &&
                                 detail == "closed within a response"
                             ? "protocol error"
                             : text.words) +
        "}";
    stream_.hcm().stats->rq_reset_after_downstream_response_started.add();
    stream_.on_upstream_broken(details, cut && detail == "closed within a response"
                                            ? ResponseFlag::upstream_protocol_error
                                            : text.flag);
    return;
  }
  report_failure(reason);
  if (reason == ResetReason::overflow) host_.reset();  // it was never asked
  if ((reused || reason == ResetReason::not_sent) && replay_unseen(reason)) return;
  std::uint32_t condition =
      bit(RetryOn::five_xx) | bit(RetryOn::gateway_error) | bit(RetryOn::reset);
  if (reason == ResetReason::connect_failed || reason == ResetReason::connect_timeout)
    condition |= bit(RetryOn::connect_failure) | bit(RetryOn::reset_before_request);
  if (reason == ResetReason::refused_stream) condition |= bit(RetryOn::refused_stream);
  if (reason == ResetReason::not_sent)
    condition |= bit(RetryOn::refused_stream) | bit(RetryOn::reset_before_request);
  if (reason != ResetReason::overflow && retry_after(condition)) {
    response_ = nullptr;
    schedule_retry();
    return;
  }
  access_log::ResponseFlags flags;
  flags.set(text.flag);
  if (retries_done_ > 0 && retries_left_ == 0)
    flags.set(ResponseFlag::upstream_retry_limit_exceeded);
  std::string details = "upstream_reset_before_response_started{" + with_underscores(text.words);
  if (reason == ResetReason::connect_failed) {
    // The part of "connect 'address': reason" that Envoy shows.
    const std::size_t colon = failure_.rfind(": ");
    failure_ =
        with_underscores("delayed connect error: " +
                         (colon == std::string::npos ? failure_ : failure_.substr(colon + 2)));
    details += "|" + failure_;
  }
  details += "}";
  finished();
  stats_->count_response(stats::ResponseOrigin::external, text.status);
  const std::string body = reset_body(text, retries_done_ > 0);
  LocalReply reply{text.status, body, stream_.arena().copy(details), {}, flags};
  if (reason == ResetReason::overflow) reply.headers.emplace_back("x-envoy-overloaded", "true");
  stream_.reply(reply);
}

/// The host has closed a kept connection just when it was used again: nothing was answered, and
/// what may be done twice is done again, without being counted as a retry. More than once, since a
/// host that closes one may close others that are kept.
bool Router::replay_unseen(ResetReason reason) {
  const bool sent = reason != ResetReason::not_sent;
  if ((sent && reason != ResetReason::connection_terminated) || replays_ >= kMostReplays ||
      response_ != nullptr || !replayable_ ||
      (sent && !is_idempotent(stream_.request_headers().get(HeaderId::method))))
    return false;
  ++replays_;
  --attempts_;
  attempt();
  return true;
}

bool Router::retry_after(std::uint32_t condition) {
  if ((conditions_ & condition) == 0) return false;
  if (retries_left_ == 0) {
    stats_->upstream_rq_retry_limit_exceeded.add();
    stream_.flags_.set(ResponseFlag::upstream_retry_limit_exceeded);
    return false;
  }
  if (!replayable_ && (body_ != nullptr || stream_.bytes_received_ > 0)) return false;
  auto place = pool_->cluster().take_retry(priority_);
  if (!place) {
    stats_->upstream_rq_retry_overflow.add();
    return false;
  }
  retry_use_ = std::move(*place);
  return true;
}

bool Router::may_retry_status(std::uint16_t status) {
  if (conditions_ == 0) return false;
  std::uint32_t condition = 0;
  const bool limited = response_->has(HeaderId::x_envoy_ratelimited);
  if (limited) {
    condition = bit(RetryOn::envoy_ratelimited);
  } else {
    if (status >= 500) condition |= bit(RetryOn::five_xx);
    if (status >= 502 && status <= 504) condition |= bit(RetryOn::gateway_error);
    if (status == 409) condition |= bit(RetryOn::retriable_4xx);
    if (policy_ != nullptr && std::find(policy_->status_codes.begin(), policy_->status_codes.end(),
                                        status) != policy_->status_codes.end())
      condition |= bit(RetryOn::retriable_status_codes);
    if (policy_ != nullptr &&
        std::any_of(policy_->response_headers.begin(), policy_->response_headers.end(),
                    [&](const auto& matcher) { return matcher.matches(*response_); }))
      condition |= bit(RetryOn::retriable_headers);
    if (asked_ != nullptr) condition |= asked_conditions(*asked_, status, *response_);
    condition |= grpc_condition(response_->get(HeaderId::grpc_status));
  }
  return condition != 0 && retry_after(condition);
}

void Router::schedule_retry() {
  --retries_left_;
  ++retries_done_;
  retrying_ = true;
  stats_->upstream_rq_retry.add();
  stats_->upstream_rq_retry_backoff_exponential.add();
  stats_->retries_active[priority_index()].add();
  const auto base = policy_ != nullptr ? policy_->backoff_base : std::chrono::milliseconds(25);
  const auto most = policy_ != nullptr ? policy_->backoff_most : std::chrono::milliseconds(250);
  const auto longest = std::min(base * (1u << std::min(retries_done_ - 1, 10u)), most);
  const auto wait = std::chrono::milliseconds(stream_.worker().random.below(
      static_cast<std::uint32_t>(std::max<std::int64_t>(longest.count(), 1))));
  retry_at_ = stream_.now() + wait;
  stream_.arm_timer();
}

void Router::give_up_exchange() {
  waiting_.leave();
  if (exchange_ == nullptr) return;
  http_client::Exchange* const exchange = exchange_;
  end_attempt();
  exchange->cancel();
}

void Router::timed_out(Timeout which) {
  std::string_view details = "response_timeout";
  stats::Counter* counter = &stats_->upstream_rq_timeout;
  if (which == Timeout::attempt) {
    details = "upstream_per_try_timeout";
    counter = &stats_->upstream_rq_per_try_timeout;
  } else if (which == Timeout::attempt_idle) {
    details = "upstream_per_try_idle_timeout";
    counter = &stats_->upstream_rq_per_try_idle_timeout;
  }
  counter->add();
  const bool waited = waiting_.waits();
  // Between two attempts no host is to blame; nor is one for a response that a client reads slowly.
  if (exchange_ != nullptr || waited) {
    auto& host = host_->stats[stream_.worker().worker];
    stats_->upstream_rq_tx_reset.add();
    host.rq_timeout.add();
    if (waited) host.rq_active.sub();
    if (!forwarding_) pool_->cluster().report(*host_, upstream::Outcome::timeout);
  }
  give_up_exchange();
  if (which != Timeout::whole && !forwarding_ &&
      retry_after(bit(RetryOn::five_xx) | bit(RetryOn::gateway_error) | bit(RetryOn::reset))) {
    response_ = nullptr;
    schedule_retry();
    return;
  }
  finished();
  if (forwarding_) {
    stream_.on_upstream_broken(details, ResponseFlag::upstream_request_timeout);
    return;
  }
  stats_->count_response(stats::ResponseOrigin::external, 504);
  LocalReply reply{504, "upstream request timeout", details, {}, {}};
  if (asked_ != nullptr && asked_->alternative) {
    reply.status = 204;
    reply.body = {};
  }
  reply.flags.set(ResponseFlag::upstream_request_timeout);
  stream_.reply(reply);
}

void Router::report_status(std::uint16_t status) {
  auto& host = host_->stats[stream_.worker().worker];
  (status < 500 ? host.rq_success : host.rq_error).add();
  pool_->cluster().report_status(*host_, status);
  if (response_->has(HeaderId::x_envoy_immediate_health_check_fail))
    pool_->cluster().fail_now(*host_);
}

void Router::report_failure(ResetReason reason) {
  host_->stats[stream_.worker().worker].rq_error.add();
  // That it could not be reached, the connection itself has told.
  if (reason != ResetReason::connect_failed && reason != ResetReason::connect_timeout &&
      reason != ResetReason::overflow)
    pool_->cluster().report(*host_, upstream::Outcome::request_failed);
}

}  // namespace weir::filters
