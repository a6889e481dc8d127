// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/router.hpp"

#include <algorithm>
#include <limits>

#include "proxy/filters/http/support.hpp"
#include "proxy/filters/network/http_connection_manager/reset_text.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"
#include "proxy/filters/network/http_connection_manager/timeouts.hpp"
#include "proxy/http/http1/head_parser.hpp"
#include "proxy/route/regex.hpp"
#include "proxy/route/route_table.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http::HeaderId;
using http_client::ResetReason;

constexpr HeaderId kAsked[] = {HeaderId::x_envoy_retry_on,
                               HeaderId::x_envoy_retry_grpc_on,
                               HeaderId::x_envoy_max_retries,
                               HeaderId::x_envoy_retriable_status_codes,
                               HeaderId::x_envoy_retriable_header_names,
                               HeaderId::x_envoy_hedge_on_per_try_timeout,
                               HeaderId::x_envoy_upstream_alt_stat_name,
                               HeaderId::x_envoy_upstream_rq_timeout_alt_response};
constexpr http::HeaderSet kAskedSet{kAsked};

}  // namespace

Router::~Router() {
  if (pool_ != nullptr) pool_->cluster().release();
}

// --- The request, from the last filter.

void Router::on_headers(bool end_of_stream) {
  headers_in_ = true;
  headers_end_ = end_in_ = end_of_stream;
  const route::Route* const route = stream_.route();
  if (route == nullptr) {
    stream_.hcm().stats->no_route.add();
    LocalReply reply{404, {}, "route_not_found", {}, {}};
    reply.flags.set(ResponseFlag::no_route_found);
    stream_.reply(reply);
    return;
  }
  if (const auto* const direct = std::get_if<route::DirectResponse>(&route->action)) {
    stream_.hcm().stats->rq_direct_response.add();
    reply_directly(*direct);
    return;
  }
  if (const auto* const to = std::get_if<route::RedirectAction>(&route->action)) {
    redirect(*to);
    return;
  }
  forward(std::get<route::ForwardAction>(route->action));
}

void Router::reply_directly(const route::DirectResponse& direct) {
  LocalReply reply{direct.status, direct.body, "direct_response", {}, {}};
  if (direct.status == 201 || direct.status / 100 == 3) {
    const http::HeaderMap& headers = stream_.request_headers();
    std::string here(headers.get(HeaderId::scheme));
    here += "://";
    here += headers.get(HeaderId::authority);
    here += headers.get(HeaderId::path);
    reply.headers.emplace_back("location", std::move(here));
  }
  stream_.reply(reply);
}

void Router::redirect(const route::RedirectAction& action) {
  stream_.hcm().stats->rq_redirect.add();
  const http::HeaderMap& headers = stream_.request_headers();
  LocalReply reply{action.status, {}, "direct_response", {}, {}};
  reply.headers.emplace_back(
      "location",
      route::redirect_location(action, stream_.route()->match, headers.get(HeaderId::scheme),
                               headers.get(HeaderId::authority), headers.get(HeaderId::path)));
  stream_.reply(reply);
}

bool Router::choose_cluster() {
  pool_ = stream_.hcm().find_pool(stream_.target_cluster());
  if (pool_ != nullptr) pool_->cluster().retain();
  return pool_ != nullptr;
}

void Router::no_cluster(const route::ForwardAction& action) {
  stream_.hcm().stats->no_cluster.add();
  LocalReply reply{action.cluster_not_found_status, {}, "cluster_not_found", {}, {}};
  reply.flags.set(ResponseFlag::no_cluster_found);
  stream_.reply(reply);
}

void Router::forward(const route::ForwardAction& action) {
  action_ = &action;
  stream_.hcm().stats->rq_total.add();
  if (!choose_cluster()) {
    no_cluster(action);
    return;
  }
  stats_ = &pool_->cluster().stats().requests.get();
  if (action.priority == route::Priority::high) priority_ = upstream::LimitPriority::high;
  policy_ = action.retry != nullptr ? action.retry.get() : stream_.virtual_host()->retry.get();
  set_timeouts(action);
  set_retries();
  tell_upstream(true);
  stream_.apply_request_mutations(stream_.weighted_);
  rewrite(action);
  attempt();
}

void Router::set_timeouts(const route::ForwardAction& action) {
  http::HeaderMap& headers = stream_.request_headers();
  const Timeouts timeouts = request_timeouts(action, policy_, headers, stream_.is_grpc());
  timeout_ = timeouts.whole;
  try_timeout_ = timeouts.attempt;
  own_duration_ = timeouts.stream.has_value();
  if (own_duration_ && *timeouts.stream != kNoLimit)
    duration_deadline_ = stream_.begun_ + *timeouts.stream;
  // The upstream is to give up no later than we do.
  if (action.grpc_timeout_header_max && stream_.is_grpc()) {
    const auto common = stream_.hcm().config->common.max_stream_duration;
    const auto limit = timeouts.stream.value_or(common.count() > 0 ? common : kNoLimit);
    if (limit != kNoLimit) headers.set(HeaderId::grpc_timeout, grpc_timeout_text(limit));
  }
  headers.remove(HeaderId::x_envoy_upstream_rq_timeout_ms);
  headers.remove(HeaderId::x_envoy_upstream_rq_per_try_timeout_ms);
}

/// What a client inside asks for beyond conditions. Nothing of it goes to the upstream.
void Router::take_asked() {
  http::HeaderMap& headers = stream_.request_headers();
  http::Arena& arena = stream_.arena();
  asked_ = arena.make<Asked>();
  asked_->codes = arena.copy(headers.get(HeaderId::x_envoy_retriable_status_codes));
  asked_->headers = arena.copy(headers.get(HeaderId::x_envoy_retriable_header_names));
  asked_->alternative = headers.has(HeaderId::x_envoy_upstream_rq_timeout_alt_response);
  for (const HeaderId id : kAsked) headers.remove(id);
}

void Router::set_retries() {
  http::HeaderMap& headers = stream_.request_headers();
  retries_left_ = 1;
  if (policy_ != nullptr &&
      (policy_->request_headers.empty() ||
       std::any_of(policy_->request_headers.begin(), policy_->request_headers.end(),
                   [&](const auto& matcher) { return matcher.matches(headers); }))) {
    conditions_ = policy_->conditions;
    retries_left_ = policy_->retries;
  }
  if (const auto on = headers.get(HeaderId::x_envoy_retry_on); !on.empty())
    conditions_ |= route::parse_retry_on(on);
  if (const auto on = headers.get(HeaderId::x_envoy_retry_grpc_on); !on.empty())
    conditions_ |= route::parse_retry_grpc_on(on);
  if (const auto most = parse_header_number(headers.get(HeaderId::x_envoy_max_retries)))
    retries_left_ = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(*most, std::numeric_limits<std::uint32_t>::max()));
  if (headers.has_any(kAskedSet)) take_asked();
  if (conditions_ == 0) retries_left_ = 0;
}

void Router::rewrite(const route::ForwardAction& action) {
  http::HeaderMap& headers = stream_.request_headers();
  const bool envoy_headers = !stream_.hcm().config->suppress_envoy_headers;
  const std::string_view path = headers.get(HeaderId::path);
  std::string host = action.host_rewrite;
  const bool of_weighted = stream_.weighted_ != nullptr && !stream_.weighted_->host_rewrite.empty();
  if (of_weighted) headers.set(HeaderId::authority, stream_.weighted_->host_rewrite);
  if (host.empty() && !action.host_rewrite_header.empty())
    host = headers.get(std::string_view(action.host_rewrite_header));
  if (host.empty() && action.host_rewrite_path_regex) {
    const std::string_view without_query = path.substr(0, path.find('?'));
    host = route::replace_all(*action.host_rewrite_path_regex->pattern, without_query,
                              action.host_rewrite_path_regex->substitution);
  }
  if (!host.empty() && !of_weighted) rewrite_host(host);
  if (const auto to = route::rewritten_path(stream_.route()->match, action.rewrite, path)) {
    if (envoy_headers) headers.set(HeaderId::x_envoy_original_path, path);
    headers.set(HeaderId::path, *to);
  }
}

void Router::rewrite_host(std::string_view host) {
  http::HeaderMap& headers = stream_.request_headers();
  const std::string_view before = headers.get(HeaderId::authority);
  if (!stream_.hcm().config->suppress_envoy_headers)
    headers.set(HeaderId::x_envoy_original_host, before);
  if (action_->append_x_forwarded_host) headers.add(HeaderId::x_forwarded_host, before);
  headers.set(HeaderId::authority, host);
}

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

// --- Attempts.

std::optional<OriginalDestination> Router::destination() const {
  const config::ClusterConfig& config = pool_->cluster().config();
  if (config.use_original_dst_header) {
    const std::string_view header =
        stream_.request_headers().get(std::string_view(config.original_dst_header));
    if (!header.empty()) {
      const auto endpoint = Endpoint::parse(header);
      if (endpoint) return OriginalDestination{*endpoint};
      pool_->cluster().stats().original_dst_host_invalid.add();
    }
  }
  if (!stream_.facts().restored) return std::nullopt;
  return stream_.facts().destination;
}

std::shared_ptr<const upstream::Host> Router::pick(tcp::EndReason& failure) {
  upstream::WorkerCluster& cluster = pool_->cluster();
  const bool avoid = policy_ != nullptr && policy_->avoid_previous_hosts && !tried_.empty();
  auto result = avoid ? cluster.pick_untried(destination(), stream_.worker().random, tried_,
                                             std::max(policy_->host_selection_attempts, 1u))
                      : cluster.pick(destination(), stream_.worker().random, nullptr);
  failure = result.failure;
  return std::move(result.host);
}

void Router::attempt() {
  ++attempts_;
  failure_.clear();
  retrying_ = false;
  retry_at_ = kNever;
  tcp::EndReason why{};
  auto host = pick(why);
  if (host == nullptr) {
    LocalReply reply{503, "no healthy upstream", "no_healthy_upstream", {}, {}};
    reply.flags.set(ResponseFlag::no_healthy_upstream);
    finished();
    stats_->count_response(stats::ResponseOrigin::external, 503);
    stream_.reply(reply);
    return;
  }
  const SessionFacts& facts = stream_.facts();
  http_client::RequestOptions options;
  options.origin = facts.loop_origin != nullptr
                       ? *facts.loop_origin
                       : upstream::LoopGuard::Origin{facts.listener->index, host->address};
  options.inherited_mark = facts.loop_origin != nullptr;
  options.http2 = stream_.session() != nullptr && stream_.session()->is_http2();
  const bool client_chose =
      pool_->cluster().config().discovery == config::DiscoveryType::original_dst;
  const bool loops =
      (client_chose && stream_.worker().loop_guard.is_own_listener(host->address)) ||
      (facts.loop_origin != nullptr &&
       *facts.loop_origin == upstream::LoopGuard::Origin{facts.listener->index, host->address});
  if (loops) {
    finished();
    stream_.reply({508, "the request would come back to this proxy", "loop_refused", {}, {}});
    return;
  }
  if (facts.keep_source != nullptr)
    options.source = upstream::ClientSource{facts.peer, facts.destination, *facts.keep_source};
  options.priority = priority_;
  if (!counted_) {
    auto place = pool_->cluster().take_request(priority_);
    if (!place) {
      stats_->upstream_rq_pending_overflow.add();
      failed_without_attempt();
      return;
    }
    request_use_ = std::move(*place);
    counted_ = true;
    stats_->upstream_rq_active[priority_index()].add();
  }
  host_ = std::move(host);
  if (policy_ != nullptr && policy_->avoid_previous_hosts) tried_.push_back(host_.get());
  stats_->upstream_rq_total.add();
  auto& host_stats = host_->stats[stream_.worker().worker];
  host_stats.rq_total.add();
  host_stats.rq_active.add();
  attempt_begun_ = stream_.now();
  std::string detail;
  if (const auto failed_at_once = pool_->request(host_, options, waiting_, *this, detail))
    failed(*failed_at_once, detail);
}

/// As many requests are under way as may be.
void Router::failed_without_attempt() {
  finished();
  stats_->count_response(stats::ResponseOrigin::external, 503);
  const std::string body = reset_body(reset_text(ResetReason::overflow), false);
  LocalReply reply{503,
                   body,
                   "upstream_reset_before_response_started{overflow}",
                   {{"x-envoy-overloaded", "true"}},
                   {}};
  reply.flags.set(ResponseFlag::upstream_overflow);
  stream_.reply(reply);
}

void Router::on_ready(http_client::Exchange& exchange) {
  exchange_ = &exchange;
  protocol_ = exchange.protocol();
  stream_.guarded([&] { send_request(); });
}

/// What the upstream is told about time and attempts. `first`: before the configuration's changes.
void Router::tell_upstream(bool first) {
  http::HeaderMap& headers = stream_.request_headers();
  const bool envoy_headers = !stream_.hcm().config->suppress_envoy_headers;
  const bool rewrites_grpc = action_->max_grpc_timeout && !action_->grpc_timeout_header_max;
  if (envoy_headers || rewrites_grpc) {
    std::chrono::milliseconds expected = try_timeout_.count() > 0 ? try_timeout_ : timeout_;
    if (!first && deadline_ != kNever && timeout_.count() > 0) {
      const auto rest =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - stream_.now());
      expected = std::max(std::min(expected, rest), std::chrono::milliseconds(1));
    }
    if (envoy_headers && expected == kDefaultTimeout)
      headers.set_static(HeaderId::x_envoy_expected_rq_timeout_ms, "15000");
    else if (envoy_headers && expected.count() > 0)
      headers.set(HeaderId::x_envoy_expected_rq_timeout_ms, std::to_string(expected.count()));
    if (rewrites_grpc && expected.count() > 0 && stream_.is_grpc())
      headers.set(HeaderId::grpc_timeout, grpc_timeout_text(expected));
  }
  if (stream_.virtual_host()->include_request_attempt_count)
    headers.set(HeaderId::x_envoy_attempt_count, std::to_string(first ? 1 : attempts_));
}

void Router::touch_attempt() {
  if (policy_ == nullptr || policy_->per_try_idle_timeout.count() == 0) return;
  const bool first = try_idle_deadline_ == kNever;
  try_idle_deadline_ = stream_.now() + policy_->per_try_idle_timeout;
  if (first) stream_.arm_timer();
}

void Router::send_request() {
  http::HeaderMap& headers = stream_.request_headers();
  touch_attempt();
  if (attempts_ > 1) tell_upstream(false);
  if (action_->auto_host_rewrite && !host_->hostname.empty() && !host_rewritten_) {
    host_rewritten_ = true;
    rewrite_host(host_->hostname);
  }
  const bool has_body = body_ != nullptr && !body_->empty();
  const bool ends_here = headers_end_;
  exchange_->send_headers(headers, ends_here);
  if (exchange_ != nullptr && (has_body || (end_in_ && !headers_end_ && !trailers_in_)))
    exchange_->send_data(has_body ? std::string_view(*body_) : std::string_view(),
                         end_in_ && !trailers_in_);
  if (exchange_ != nullptr && trailers_in_) exchange_->send_trailers(*stream_.request_trailers());
  if (exchange_ == nullptr) return;
  if (end_in_) request_sent_ = stream_.now();
  if (retries_left_ == 0 && has_body) {
    replayable_ = false;
    body_.reset();
  }
  exchange_->flush();
  resume_client();
  begin_try_timeout();
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
        stream_.hcm().config->proxy_100_continue || response_->get(HeaderId::status) != "100";
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
