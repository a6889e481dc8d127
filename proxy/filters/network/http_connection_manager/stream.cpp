// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/stream.hpp"

#include <algorithm>

#include "proxy/filters/network/http_connection_manager/filter_call.hpp"
#include "proxy/filters/network/http_connection_manager/header_rules.hpp"
#include "proxy/http/http1/head_parser.hpp"

namespace weir::filters {

using access_log::ResponseFlag;
using http::HeaderId;

Stream::Stream(HcmInstance& hcm, StreamConnection& connection)
    : hcm_(hcm),
      connection_(&connection),
      facts_(&connection.facts()),
      arena_(hcm.worker->arenas),
      random_value_(hcm.worker->random.next()),
      remote_(connection.facts().peer),
      start_(hcm.worker->wall_clock.at(hcm.worker->loop.now())),
      begun_(hcm.worker->loop.now()),
      last_activity_(begun_) {}

Stream::~Stream() {
  for (std::size_t i = 0; i < filter_count_; ++i) filters_[i]->~HttpFilter();
}

Stream::Time Stream::now() const { return hcm_.worker->loop.now(); }

StreamExtras& Stream::extras() {
  if (extras_ == nullptr) extras_ = std::make_unique<StreamExtras>();
  return *extras_;
}

http::HeaderMap& Stream::request_trailers_map() {
  if (request_trailers_ == nullptr) request_trailers_ = arena_.make<http::HeaderMap>(arena_);
  return *request_trailers_;
}

// --- The request comes in.

void Stream::on_request_headers(bool end_of_stream) {
  guarded([&] { begin_request(end_of_stream); });
}

void Stream::begin_request(bool end_of_stream) {
  started_ = true;
  auto& stats = *hcm_.stats;
  stats.downstream_rq_total.add();
  stats.downstream_rq_active.add();
  const bool http2 = connection_->is_http2();
  (http2 ? stats.downstream_rq_http2_total : stats.downstream_rq_http1_total).add();
  if (end_of_stream) {
    request_complete_ = true;
    request_received_ = now();
  }
  const HcmConfig& config = *hcm_.config;
  if (!http2 && !strip_connection_headers(request_)) {
    request_.clear();
    refuse(400, "Bad Request", "http1.connection_header_rejected",
           {static_cast<std::uint32_t>(ResponseFlag::downstream_protocol_error)}, true);
    return;
  }
  const RequestRefusal refusal = check_request(config, request_, facts_->destination.endpoint.port);
  if (refusal.status != 0) {
    if (refusal.close && !http2 && !config.stream_error_on_invalid_message)
      connection_->close_after_response();
    if (refusal.details == "path_normalization_failed")
      stats.downstream_rq_failed_path_normalization.add();
    if (refusal.details == "absolute_path_rejected" || refusal.details == "missing_path_rejected")
      stats.downstream_rq_non_relative_path.add();
    LocalReply reply{refusal.status, refusal.body, refusal.details, {}, {}};
    if (!refusal.location.empty()) {
      stats.downstream_rq_redirected_with_normalized_path.add();
      reply.headers.emplace_back("location", refusal.location);
    }
    this->reply(reply);
    return;
  }
  upgrade_ = !http2 && filters::is_upgrade(request_);
  const bool has_body =
      request_.has(HeaderId::transfer_encoding) || connection_->request_body_left() > 0;
  const ClientFacts client = mutate_request(
      config, request_, facts_->peer, facts_->destination.endpoint, upgrade_, hcm_.worker->random);
  remote_ = client.remote;
  internal_ = client.internal;
  find_route();
  if (route_ != nullptr)
    for (const std::string& name : routes_.config().internal_only_headers)
      if (!internal_) request_.remove(std::string_view(name));
  if (over_ || !check_upgrade(has_body)) return;
  make_filters();
  if (!end_of_stream || !hcm_.filters.empty()) arm_timer();
  // Envoy says 100 itself, and the upstream never sees the question.
  if (http::equals_ignoring_case(request_.get(HeaderId::expect), "100-continue") &&
      !config.proxy_100_continue) {
    request_.remove(HeaderId::expect);
    http::HeaderMap* const headers = arena_.make<http::HeaderMap>(arena_);
    headers->add_static(HeaderId::status, "100");
    connection_->send_informational(100, *headers);
    if (over_) return;
  }
  request_walk_.headers(end_of_stream);
  if (!over_ && end_of_stream) router_.on_request_complete();
  if (!over_) arm_timer();  // the route may have an idle timeout of its own
}

bool Stream::check_upgrade(bool has_body) {
  const bool connect = request_.get(HeaderId::method) == "CONNECT";
  if (connect) {
    // A tunnel is not made: what the route would forward is refused.
    connection_->close_after_response();
    if (route_ == nullptr || !std::holds_alternative<route::ForwardAction>(route_->action))
      return true;
    upgrade_ = false;
    reply({403, {}, "upgrade_failed", {}, {}});
    return false;
  }
  if (!upgrade_) return true;
  std::string type(request_.get(HeaderId::upgrade));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (type == "h2c") {
    // Prior knowledge is the only way to HTTP/2: this goes on as HTTP/1.
    request_.remove(HeaderId::upgrade);
    request_.remove(HeaderId::connection);
    request_.remove(HeaderId::http2_settings);
    upgrade_ = false;
    return true;
  }
  bool allowed = false;
  for (const auto& [name, route_must_name_it] : hcm_.config->upgrades)
    if (name == type) allowed = !route_must_name_it;
  if (route_ != nullptr)
    if (const auto* const action = std::get_if<route::ForwardAction>(&route_->action))
      for (const auto& [name, enabled] : action->upgrades)
        if (name == type) allowed = enabled;
  connection_->close_after_response();
  // Where a body ends and the other protocol begins, two hops may see differently.
  if (allowed && !has_body) return true;
  hcm_.stats->downstream_rq_ws_on_non_ws_route.add();
  upgrade_ = false;
  reply({403, {}, "upgrade_failed", {}, {}});
  return false;
}

void Stream::find_route() {
  route_known_ = true;
  if (!routes_) routes_ = hcm_.routes->current;  // for good, whatever comes meanwhile
  if (!routes_) return;
  const route::RouteTable& table = routes_.table();
  virtual_host_ = table.find_host(request_.get(HeaderId::authority));
  route_ = virtual_host_ == nullptr ? nullptr : tls_redirect();
  if (virtual_host_ != nullptr && route_ == nullptr)
    route_ = table.find_route(*virtual_host_, request_, random_value_);
  const auto* const forward =
      route_ == nullptr ? nullptr : std::get_if<route::ForwardAction>(&route_->action);
  // Now and not in the router: filters ask for what it configures.
  weighted_ = forward == nullptr ? nullptr : choose_weighted(*forward);
}

const route::Route* Stream::tls_redirect() const {
  using RequireTls = route::VirtualHost::RequireTls;
  if (virtual_host_->require_tls == RequireTls::none ||
      (virtual_host_->require_tls == RequireTls::external && internal_) ||
      request_.get(HeaderId::x_forwarded_proto) == "https")
    return nullptr;
  static const route::Route route = [] {
    route::Route made;
    made.action = route::RedirectAction{};
    std::get<route::RedirectAction>(made.action).https = true;
    return made;
  }();
  return &route;
}

const route::WeightedCluster* Stream::choose_weighted(const route::ForwardAction& action) const {
  if (action.weighted.empty()) return nullptr;
  std::uint64_t point = random_value_ % std::max(action.total_weight, 1u);
  for (const route::WeightedCluster& cluster : action.weighted) {
    if (point < cluster.weight) return &cluster;
    point -= cluster.weight;
  }
  return &action.weighted.back();
}

std::string_view Stream::target_cluster() const {
  const auto* const forward =
      route_ == nullptr ? nullptr : std::get_if<route::ForwardAction>(&route_->action);
  if (forward == nullptr) return {};
  const std::string& header =
      weighted_ != nullptr ? weighted_->cluster_header : forward->cluster_header;
  if (!header.empty()) return request_.get(std::string_view(header));
  return weighted_ != nullptr ? weighted_->name : forward->cluster;
}

void Stream::make_filters() {
  if (hcm_.filters.empty()) return;
  filters_ = static_cast<HttpFilter**>(
      arena_.allocate(hcm_.filters.size() * sizeof(HttpFilter*), alignof(HttpFilter*)));
  for (HcmInstance::Filter& filter : hcm_.filters) {
    if (hcm_.filters_by_route || (routes_ && routes_.switches_filters())) {
      bool disabled = filter.entry->disabled;
      const auto consider = [&](const route::RouteFilters& configs) {
        for (const route::RouteFilter& config : configs)
          if (config.filter == filter.entry->name) disabled = config.disabled;
      };
      if (routes_) consider(routes_.config().filters);
      if (virtual_host_ != nullptr) consider(virtual_host_->filters);
      if (route_ != nullptr) consider(route_->filters);
      if (disabled) continue;
    }
    if (HttpFilter* const made = filter.instance->make(*this); made != nullptr)
      filters_[filter_count_++] = made;
  }
  request_walk_.set_filters(filters_, filter_count_, false);
  response_walk_.set_filters(filters_, filter_count_, true);
}

void Stream::on_request_data(std::string_view data, bool end_of_stream) {
  guarded([&] {
    last_activity_ = now();
    bytes_received_ += data.size();
    if (end_of_stream) {
      request_complete_ = true;
      request_received_ = last_activity_;
    }
    request_walk_.data(data, end_of_stream);
    if (!over_ && end_of_stream) router_.on_request_complete();
  });
}

void Stream::on_request_trailers() {
  guarded([&] {
    request_complete_ = true;
    request_received_ = last_activity_ = now();
    request_walk_.trailers();
    if (!over_) router_.on_request_complete();
  });
}

void Stream::on_request_batch_end() {
  guarded([&] { router_.flush(); });
}

void Stream::on_response_drained() {
  guarded([&] {
    last_activity_ = now();
    router_.on_response_drained();
  });
}

void Stream::begin_unread() {
  if (started_) return;
  started_ = true;
  request_.clear();
  hcm_.stats->downstream_rq_total.add();
  hcm_.stats->downstream_rq_active.add();
}

void Stream::on_body_readable() {
  guarded([&] { router_.pump_request(); });
}

void Stream::count_relayed(std::uint64_t received, std::uint64_t sent) {
  bytes_received_ += received;
  bytes_sent_ += sent;
  last_activity_ = now();
}

void Stream::on_request_relayed() {
  request_complete_ = true;
  request_received_ = now();
  router_.on_request_complete();
}

void Stream::on_response_relayed() {
  response_complete_ = true;
  if (!over_) end(true);
}

void Stream::on_relay_client_gone() {
  if (over_) return;
  details_ = "downstream_remote_disconnect";
  flags_.set(ResponseFlag::downstream_connection_termination);
  hcm_.stats->downstream_rq_rx_reset.add();
  if (connection_ != nullptr) connection_->reset(false);
  end(false);
}

void Stream::refuse(std::uint16_t status, std::string_view body, std::string_view details,
                    access_log::ResponseFlags flags, bool close) {
  guarded([&] {
    begin_unread();
    if (response_begun_) {
      flags_.bits |= flags.bits;
      details_ = arena_.copy(details);
      router_.cancel();
      if (connection_ != nullptr)
        connection_->reset(flags.has(ResponseFlag::downstream_protocol_error));
      end(false);
      return;
    }
    if (close) connection_->close_after_response();
    router_.cancel();
    LocalReply reply{status, body, details, {}, flags};
    if (flags.has(ResponseFlag::downstream_protocol_error))
      std::swap(reply.flags, reply.late_flags);
    if (details == "max_duration_timeout") reply.grpc_status = 4;
    this->reply(reply);
  });
}

void Stream::on_client_gone(std::string_view details, ResponseFlag flag) {
  guarded([&] {
    connection_ = nullptr;
    if (over_) return;
    if (details_.empty() || details_ == "via_upstream" || !response_begun_)
      details_ = arena_.copy(details);
    flags_.set(flag);
    hcm_.stats->downstream_rq_rx_reset.add();
    end(false);
  });
}

void Stream::on_client_reset(std::string_view details, access_log::ResponseFlags flags) {
  guarded([&] {
    if (over_) return;
    details_ = arena_.copy(details);
    flags_.bits |= flags.bits;
    hcm_.stats->downstream_rq_rx_reset.add();
    end(false);
  });
}

void Stream::pause_request(PauseReason reason, bool paused) {
  const bool before = pause_reasons_ != 0;
  const auto bit = static_cast<std::uint8_t>(reason);
  pause_reasons_ = static_cast<std::uint8_t>(paused ? pause_reasons_ | bit : pause_reasons_ & ~bit);
  if (connection_ == nullptr || before == paused || paused != (pause_reasons_ != 0)) return;
  auto& stats = *hcm_.stats;
  (paused ? stats.downstream_flow_control_paused_reading_total
          : stats.downstream_flow_control_resumed_reading_total)
      .add();
  connection_->pause_request(paused);
}

bool Stream::response_congested() const {
  return connection_ != nullptr && connection_->congested();
}

// --- Time.

void Stream::arm_timer() {
  const HcmConfig& config = *hcm_.config;
  const auto idle = router_.idle_timeout().value_or(config.stream_idle_timeout);
  Time next = router_.next_time();
  if (idle.count() > 0) next = std::min(next, last_activity_ + idle);
  if (config.request_timeout.count() > 0 && !request_complete_)
    next = std::min(next, begun_ + config.request_timeout);
  if (const auto duration = longest_duration(); duration.count() > 0)
    next = std::min(next, begun_ + duration);
  // A timer that fires too early looks again; only one that is too late has to be moved.
  if (next == kNever || (timer_.armed() && armed_for_ <= next)) return;
  armed_for_ = next;
  hcm_.worker->loop.arm(timer_, std::chrono::ceil<std::chrono::milliseconds>(next - now()));
}

std::chrono::milliseconds Stream::longest_duration() const {
  return router_.has_own_duration() ? std::chrono::milliseconds(0)
                                    : hcm_.config->common.max_stream_duration;
}

void Stream::begin_at(Time time) {
  start_ -= std::chrono::duration_cast<std::chrono::system_clock::duration>(begun_ - time);
  begun_ = last_activity_ = time;
}

void Stream::refuse_late(std::string_view body, std::string_view details,
                         access_log::ResponseFlags flags) {
  refuse(request_complete_ ? 504 : 408, body, details, flags, !request_complete_);
}

void Stream::on_timer() {
  guarded([&] {
    check_limits();
    if (!over_) arm_timer();
  });
}

void Stream::check_limits() {
  guarded([&] {
    const Time time = now();
    const HcmConfig& config = *hcm_.config;
    const auto duration = longest_duration();
    const auto idle = router_.idle_timeout().value_or(config.stream_idle_timeout);
    if (duration.count() > 0 && time >= begun_ + duration) {
      hcm_.stats->downstream_rq_max_duration_reached.add();
      refuse_late("downstream duration timeout", "max_duration_timeout", {});
    } else if (time >= router_.duration_deadline()) {
      router_.on_time(time);
    } else if (config.request_timeout.count() > 0 && !request_complete_ &&
               time >= begun_ + config.request_timeout) {
      hcm_.stats->downstream_rq_timeout.add();
      refuse_late("request timeout", "request_overall_timeout", {});
    } else if (idle.count() > 0 && time >= last_activity_ + idle &&
               last_activity_ + idle < router_.next_time()) {
      hcm_.stats->downstream_rq_idle_timeout.add();
      refuse_late("stream timeout", "stream_idle_timeout",
                  {static_cast<std::uint32_t>(ResponseFlag::stream_idle_timeout)});
    } else {
      router_.on_time(time);
    }
  });
}

// --- The request passes the filters.

FilterStatus Stream::RequestSide::headers(HttpFilter& filter, bool end) {
  return filter.on_request_headers(stream.request_, end);
}
FilterStatus Stream::RequestSide::data(HttpFilter& filter, BodyPiece& piece, bool end) {
  return filter.on_request_data(piece, end);
}
FilterStatus Stream::RequestSide::trailers(HttpFilter& filter) {
  return filter.on_request_trailers(*stream.request_trailers_);
}
void Stream::RequestSide::out_headers(bool end) {
  if (!stream.route_known_) stream.find_route();
  stream.router_.on_headers(end);
}
void Stream::RequestSide::out_data(std::string_view bytes, bool end) {
  stream.router_.on_data(bytes, end);
}
void Stream::RequestSide::out_trailers() { stream.router_.on_trailers(); }
/// Once a response of ours has begun, the request goes nowhere any more.
bool Stream::RequestSide::over() const {
  return stream.over_ || (stream.response_begun_ && stream.local_reply_);
}
std::size_t Stream::RequestSide::buffer_limit() const {
  return stream.facts_->listener->config->per_connection_buffer_limit;
}
void Stream::RequestSide::too_large() {
  stream.hcm_.stats->downstream_rq_too_large.add();
  if (stream.connection_ != nullptr && !stream.request_complete_ && !stream.connection_->is_http2())
    stream.connection_->close_after_response();
  stream.reply({413, "Payload Too Large", "request_payload_too_large", {}, {}});
}
void Stream::RequestSide::hold_peer(bool held) { stream.pause_request(PauseReason::filter, held); }

}  // namespace weir::filters
