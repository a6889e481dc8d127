// SPDX-License-Identifier: Apache-2.0
// The second half of a stream: its response, ours or the upstream's, and its end.
#include <algorithm>
#include <charconv>

#include "proxy/filters/connection_end.hpp"
#include "proxy/filters/network/http_connection_manager/filter_call.hpp"
#include "proxy/filters/network/http_connection_manager/header_rules.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"
#include "proxy/http/http1/head_parser.hpp"

namespace weir::filters {

using access_log::ResponseFlag;
using http::HeaderId;

// --- The upstream's response.

void Stream::on_upstream_informational(http::HeaderMap& headers) {
  const auto status = headers.get(HeaderId::status);
  if (response_begun_ || connection_ == nullptr || status.size() != 3) return;
  if (!hcm_.config->proxy_100_continue) return;
  // It has no content, whatever it says, and what is about the connection stays there.
  for (const HeaderId id :
       {HeaderId::connection, HeaderId::keep_alive, HeaderId::proxy_connection, HeaderId::upgrade,
        HeaderId::transfer_encoding, HeaderId::content_length})
    headers.remove(id);
  connection_->send_informational(
      static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] -
                                 '0'),
      headers);
}

void Stream::on_upstream_headers(http::HeaderMap& headers, std::uint16_t status,
                                 bool end_of_stream) {
  last_activity_ = now();
  if (upgrade_ && status >= 200 && status < 300 &&
      http::equals_ignoring_case(request_.get(HeaderId::upgrade), "websocket")) {
    // A success that is not a 101 is no tunnel; what follows could be taken for one.
    router_.cancel();
    reply({status, {}, "websocket_handshake_unsuccessful", {}, {}});
    return;
  }
  if (request_complete_ && !upgrade_ && !hcm_.config->suppress_envoy_headers) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        now() - (router_.request_sent() == kNever ? begun_ : router_.request_sent()));
    if (took.count() == 0)
      headers.set_static(HeaderId::x_envoy_upstream_service_time, "0");
    else
      headers.set(HeaderId::x_envoy_upstream_service_time, std::to_string(took.count()));
  }
  if (virtual_host_->include_attempt_count_in_response)
    headers.set(HeaderId::x_envoy_attempt_count, std::to_string(router_.attempts()));
  details_ = "via_upstream";
  response_ = &headers;
  status_ = status;
  response_begun_ = true;
  apply_response_mutations();
  begin_response(headers, status, end_of_stream);
}

void Stream::begin_response(http::HeaderMap& headers, std::uint16_t status, bool end_of_stream) {
  response_ = &headers;
  status_ = status;
  response_begun_ = true;
  if (end_of_stream) response_complete_ = true;
  response_walk_.headers(end_of_stream);
}

void Stream::on_upstream_data(std::string_view data, bool end_of_stream) {
  last_activity_ = now();
  if (over_ || local_reply_) return;
  if (end_of_stream) response_complete_ = true;
  response_walk_.data(data, end_of_stream);
}

void Stream::on_upstream_trailers(http::HeaderMap& trailers) {
  last_activity_ = now();
  if (over_ || local_reply_) return;
  response_trailers_ = &trailers;
  response_complete_ = true;
  response_walk_.trailers();
}

void Stream::on_upstream_batch_end() {
  if (connection_ == nullptr || !response_sent_) return;
  connection_->flush();
  // What was too much may have left without an event: at once.
  router_.on_response_drained();
}

void Stream::on_upstream_broken(std::string_view details, std::optional<ResponseFlag> flag) {
  if (over_) return;
  details_ = arena_.copy(details);
  if (flag) flags_.set(*flag);
  hcm_.stats->downstream_rq_tx_reset.add();
  if (!response_sent_) {
    // A filter still holds the headers: the client has seen nothing yet.
    response_begun_ = false;
  }
  if (connection_ != nullptr) connection_->reset(false);
  end(false);
}

// --- A response of ours.

namespace {

std::uint32_t grpc_status_of(std::uint16_t status) {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/// What may not stand in grpc-message as it is, %XX (gRPC over HTTP/2, "Status-Message").
std::string grpc_message(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u <= 0x7e && u != '%') {
      out += c;
      continue;
    }
    out += '%';
    out += kDigits[u >> 4];
    out += kDigits[u & 15];
  }
  return out;
}

}  // namespace

void Stream::reply(const LocalReply& reply) {
  guarded([&] {
    if (over_) return;
    flags_.bits |= reply.flags.bits;
    details_ = reply.details.empty() ? details_ : arena_.copy(reply.details);
    router_.cancel();
    if (response_sent_) {
      // Too late for another answer.
      if (connection_ != nullptr) connection_->reset(false);
      end(false);
      return;
    }
    if (response_begun_ && local_reply_) return;
    local_reply_ = true;
    // A filter of the response may put its own in the place of the one that it holds.
    response_walk_ = FilterWalk<ResponseSide>(response_side_);
    response_walk_.set_filters(filters_, response_begun_ ? 0 : filter_count_, true);
    http::HeaderMap& headers = *arena_.make<http::HeaderMap>(arena_);
    std::uint16_t status = reply.status;
    std::string body(reply.body);
    std::string content_type = "text/plain";
    LocalReply mapped = reply;
    std::uint32_t grpc_status = reply.grpc_status.value_or(grpc_status_of(status));
    const bool grpc = is_grpc();
    for (const auto& [name, value] : reply.headers)
      if (grpc && name == "grpc-status")
        std::from_chars(value.data(), value.data() + value.size(), grpc_status);
    // A message that cannot be taken: nobody knows what follows it.
    if (status == 400 && connection_ != nullptr && !connection_->is_http2() &&
        !hcm_.config->stream_error_on_invalid_message)
      connection_->close_after_response();
    response_ = &headers;
    headers.add(HeaderId::status, std::to_string(status));
    const bool forwards =
        route_ != nullptr && std::holds_alternative<route::ForwardAction>(route_->action);
    if (forwards) apply_response_mutations();
    if (reply.mutations != nullptr) reply.mutations->apply(headers, nullptr);
    for (const auto& [name, value] : reply.headers)
      if (!grpc || name != "grpc-status") headers.set(std::string_view(name), value);
    if (!forwards) apply_response_mutations();
    const std::size_t own = mapped.headers.size();
    map_local_reply(mapped, status, body, content_type, headers);
    flags_.bits |= reply.late_flags.bits;
    for (std::size_t i = own; i < mapped.headers.size(); ++i)
      headers.set(std::string_view(mapped.headers[i].first), mapped.headers[i].second);
    if (grpc) {
      // The line end of a JSON format is none of the message.
      if (content_type == "application/json" && body.ends_with('\n')) body.pop_back();
      // A status that the configuration has put in its place counts, unless a filter has said more.
      if (status != reply.status && !reply.grpc_status) grpc_status = grpc_status_of(status);
      headers.set_static(HeaderId::status, "200");
      headers.set_static(HeaderId::content_type, "application/grpc");
      headers.set(HeaderId::grpc_status, std::to_string(grpc_status));
      if (!body.empty()) headers.set(HeaderId::grpc_message, grpc_message(body));
      begin_response(headers, 200, true);
      return;
    }
    const bool head = request_.get(HeaderId::method) == "HEAD";
    headers.set(HeaderId::status, std::to_string(status));
    if (!body.empty()) {
      headers.remove(HeaderId::content_length);
      headers.add(HeaderId::content_length, std::to_string(body.size()));
      if (!headers.has(HeaderId::content_type)) headers.add(HeaderId::content_type, content_type);
    }
    if (body.empty() || head) {
      begin_response(headers, status, true);
      return;
    }
    const std::string_view text = arena_.copy(body);
    begin_response(headers, status, false);
    if (over_) return;
    response_complete_ = true;
    response_walk_.data(text, true);
  });
}

void Stream::map_local_reply(LocalReply& reply, std::uint16_t& status, std::string& body,
                             std::string& content_type, http::HeaderMap&) {
  const LocalReplyConfig& config = hcm_.config->local_replies;
  if (config.mappers.empty() && config.format == nullptr) return;
  status_ = status;
  access_log::Record record;
  access_log::HttpRecord http;
  const LocalReplyMapper* chosen = nullptr;
  for (const LocalReplyMapper& mapper : config.mappers) {
    fill_record(record, http);
    if (mapper.filter != nullptr && !mapper.filter->matches(record)) continue;
    chosen = &mapper;
    break;
  }
  std::shared_ptr<const access_log::Format> format = config.format;
  if (!config.content_type.empty()) content_type = config.content_type;
  if (chosen != nullptr) {
    if (chosen->status) status = *chosen->status;
    if (chosen->body) body = *chosen->body;
    if (chosen->format != nullptr) {
      format = chosen->format;
      if (!chosen->content_type.empty()) content_type = chosen->content_type;
    }
    for (const route::HeaderAddition& addition : chosen->headers.add) {
      std::string value = addition.literal;
      if (addition.format != nullptr) addition.format->render(record, value);
      reply.headers.emplace_back(addition.name, std::move(value));
    }
  }
  status_ = status;
  if (format == nullptr) return;
  extras().local_reply_body = body;
  fill_record(record, http);
  body.clear();
  format->render(record, body);
}

// --- The response passes the filters and goes to the client.

FilterStatus Stream::ResponseSide::headers(HttpFilter& filter, bool end) {
  return filter.on_response_headers(*stream.response_, end);
}
FilterStatus Stream::ResponseSide::data(HttpFilter& filter, BodyPiece& piece, bool end) {
  return filter.on_response_data(piece, end);
}
FilterStatus Stream::ResponseSide::trailers(HttpFilter& filter) {
  return filter.on_response_trailers(*stream.response_trailers_);
}

void Stream::ResponseSide::out_headers(bool end) {
  Stream& s = stream;
  if (s.connection_ == nullptr) return;
  s.response_sent_ = true;
  s.response_sent_begun_ = s.now();
  // Filters may have changed the status.
  const std::string_view status = s.response_->get(HeaderId::status);
  if (status.size() == 3)
    s.status_ = static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 +
                                           (status[2] - '0'));
  s.tunnel_ = s.upgrade_ && s.status_ == 101 && !s.local_reply_;
  mutate_response(*s.hcm_.config, *s.response_, s.arena_.copy(s.hcm_.worker->wall_clock.date()),
                  s.tunnel_);
  if (s.hcm_.config->always_set_request_id_in_response ||
      s.request_.has(HeaderId::x_envoy_force_trace))
    if (const auto id = s.request_.get(HeaderId::x_request_id); !id.empty())
      s.response_->set_static(HeaderId::x_request_id, id);
  if (s.tunnel_) {
    s.hcm_.stats->downstream_cx_upgrades_total.add();
    s.hcm_.stats->downstream_cx_upgrades_active.add();
  } else if (!s.request_complete_ && !s.connection_->is_http2()) {
    // Its rest is not waited for.
    s.hcm_.stats->downstream_rq_response_before_rq_complete.add();
    s.connection_->close_after_response();
  }
  s.connection_->send_headers(s.status_, *s.response_, end);
  if (end && !s.over_) s.end(true);
}

void Stream::ResponseSide::out_data(std::string_view bytes, bool end) {
  if (stream.connection_ == nullptr) return;
  stream.bytes_sent_ += bytes.size();
  stream.connection_->send_data(bytes, end);
  if (end && !stream.over_) stream.end(true);
}

void Stream::ResponseSide::out_trailers() {
  if (stream.connection_ == nullptr) return;
  stream.connection_->send_trailers(*stream.response_trailers_);
  if (!stream.over_) stream.end(true);
}

std::size_t Stream::ResponseSide::buffer_limit() const {
  return stream.facts_->listener->config->per_connection_buffer_limit;
}

void Stream::ResponseSide::too_large() {
  stream.hcm_.stats->rs_too_large.add();
  stream.reply({500, "Internal Server Error", "response_payload_too_large", {}, {}});
}

void Stream::ResponseSide::hold_peer(bool held) { stream.router_.pause_response(held); }

// --- Mutations of the configuration.

void Stream::apply_request_mutations(const route::WeightedCluster* weighted) {
  if (route_ == nullptr) return;
  const route::RouteConfig& config = routes_.config();
  const route::HeaderMutations* levels[] = {
      weighted != nullptr ? &weighted->request_headers : nullptr, &route_->request_headers,
      &virtual_host_->request_headers, &config.request_headers};
  if (config.most_specific_header_mutations_wins)
    std::reverse(std::begin(levels), std::end(levels));
  apply(levels, request_);
}

void Stream::apply_response_mutations() {
  if (route_ == nullptr || response_ == nullptr) return;
  const route::RouteConfig& config = routes_.config();
  const route::HeaderMutations* levels[] = {
      weighted_ != nullptr ? &weighted_->response_headers : nullptr, &route_->response_headers,
      &virtual_host_->response_headers, &config.response_headers};
  if (config.most_specific_header_mutations_wins)
    std::reverse(std::begin(levels), std::end(levels));
  apply(levels, *response_);
}

void Stream::apply(std::span<const route::HeaderMutations*> levels, http::HeaderMap& headers) {
  for (const route::HeaderMutations* level : levels) {
    if (level == nullptr || level->empty()) continue;
    if (!level->needs_record()) {
      level->apply(headers, nullptr);
      continue;
    }
    access_log::Record record;
    access_log::HttpRecord http;
    fill_record(record, http);
    level->apply(headers, &record);
  }
}

// --- The end.

void Stream::end(bool whole) {
  if (over_) return;
  over_ = true;
  timer_.disarm();
  router_.cancel();
  if (extras_ != nullptr) extras_->calls.clear();
  for (std::size_t i = 0; i < filter_count_; ++i) filters_[i]->on_end();
  if (started_) {
    hcm_.stats->downstream_rq_active.sub();
    count_response();
    if (whole)
      hcm_.stats->downstream_rq_time.record(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(now() - begun_).count()));
  }
  if (tunnel_) hcm_.stats->downstream_cx_upgrades_active.sub();
  write_log();
  // From here on the session may make room for the next.
  if (connection_ != nullptr) std::exchange(connection_, nullptr)->on_stream_end();
}

void Stream::count_response() {
  if (!response_sent_ || health_check_) return;
  hcm_.stats->downstream_rq_completed.add();
  hcm_.stats->downstream_rq_xx.add(status_);
  hcm_.listener_stats->downstream_rq_completed.add();
  hcm_.listener_stats->downstream_rq_xx.add(status_);
}

void Stream::fill_record(access_log::Record& record, access_log::HttpRecord& http) {
  const auto since_begin = [&](Time time) -> std::optional<std::chrono::milliseconds> {
    if (time == kNever) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(time - begun_);
  };
  http.request_headers = &request_;
  http.response_headers = response_;
  http.response_trailers = response_trailers_;
  if (extras_ != nullptr) {
    http.metadata = &extras_->metadata;
    http.local_reply_body = extras_->local_reply_body;
  }
  http.protocol = protocol_;
  http.upstream_protocol = router_.protocol();
  if (virtual_host_ != nullptr) http.virtual_host = virtual_host_->name;
  http.response_code = response_begun_ || local_reply_ ? status_ : 0;
  http.attempts = router_.attempts();
  http.health_check = health_check_;
  http.request_received = since_begin(request_received_);
  http.request_sent = since_begin(router_.request_sent());
  http.response_begun = since_begin(router_.response_begun());
  http.response_sent_begun = since_begin(response_sent_begun_);
  record.http = &http;
  record.start = start_;
  record.duration = std::chrono::duration_cast<std::chrono::milliseconds>(now() - begun_);
  record.connection_id = facts_->id;
  record.bytes_received = bytes_received_;
  record.bytes_sent = bytes_sent_;
  record.flags = flags_;
  record.response_code_details = details_;
  record.upstream_transport_failure_reason = router_.failure();
  record.downstream_remote = remote_;
  if (remote_ != facts_->peer) record.downstream_direct = facts_->peer;
  record.downstream_local = facts_->destination;
  if (router_.host() != nullptr) record.upstream_host = router_.host()->address;
  // Where the route leads, also when a filter has answered.
  if (router_.pool() != nullptr || hcm_.find_pool(target_cluster()) != nullptr)
    record.upstream_cluster = upstream_cluster();
  record.requested_server_name = facts_->server_name;
  if (route_ != nullptr) record.route_name = route_->name;
  record.listener_name = facts_->listener->config->name;
  if (facts_->chain != nullptr) record.filter_chain_name = facts_->chain->name;
}

void Stream::write_log() {
  if (hcm_.access_logs.empty() || !started_) return;
  access_log::Record record;
  access_log::HttpRecord http;
  fill_record(record, http);
  record.upstream_local = router_.local_address();
  for (const access_log::OpenedAccessLog& log : hcm_.access_logs)
    if (log.wants(record))
      log.format->render(record, hcm_.worker->access_logs.lines_for(*log.sink));
}

void Stream::destroy() { hcm_.worker->streams.destroy(this); }

}  // namespace weir::filters
