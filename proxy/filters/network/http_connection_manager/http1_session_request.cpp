// SPDX-License-Identifier: Apache-2.0
// Http1Session's way in: from bytes of the client to requests.
#include <algorithm>
#include <cstring>
#include <limits>

#include "proxy/filters/network/http_connection_manager/http1_session.hpp"
#include "proxy/filters/network/http_connection_manager/http2_session.hpp"
#include "proxy/filters/network/http_connection_manager/protocol_errors.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http::BodyFraming;
using http::HeaderId;
using http::HeadStatus;
using http::Http1Error;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4

}  // namespace

std::size_t Http1Session::consume(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && phase_ == Phase::open && !wants_close_) {
    const std::string_view rest = bytes.substr(used);
    std::size_t step = 0;
    if (stream_ == nullptr && !request_done_)
      step = consume_head(rest);
    else if (!request_done_ && stream_ != nullptr && !paused_)
      step = consume_body(rest);
    if (step == 0) break;
    used += step;
  }
  return wants_close_ ? bytes.size() : used;
}

void Http1Session::become_http2(std::string_view bytes) {
  auto& stats = *hcm_.stats;
  stats.downstream_cx_http1_active.sub();
  hcm_.worker->loop.unwatch(source_, core_.socket.get());
  timer_.disarm();
  phase_ = Phase::closed;
  start_http2_session(hcm_, std::move(core_), bytes);
}

bool Http1Session::is_http2_preface(std::string_view bytes) {
  const std::size_t size = std::min(bytes.size(), kPreface.size());
  return bytes.substr(0, size) == kPreface.substr(0, size);
}

std::size_t Http1Session::consume_head(std::string_view bytes) {
  using Codec = HcmConfig::Codec;
  if (first_bytes_ && hcm_.config->codec != Codec::http1) {
    const bool preface = bytes.front() == 'P' && is_http2_preface(bytes);
    if (preface && bytes.size() < kPreface.size()) return 0;
    // What is no preface where nothing but HTTP/2 is spoken is for that codec to refuse.
    if (preface || hcm_.config->codec == Codec::http2) {
      become_http2(bytes);
      return bytes.size();
    }
  }
  // An empty line or two before a request is tolerated (RFC 9112 §2.2).
  if (bytes.starts_with("\r\n")) {
    if (!head_begun()) begin_head();
    begun_ = true;
    return 2;
  }
  if (bytes == "\r") return 0;
  if (tried_ > 0 && bytes.size() > tried_ && !http::worth_parsing(bytes, tried_) &&
      bytes.size() <= hcm_.config->max_request_headers_kb * 1024u) {
    tried_ = static_cast<std::uint32_t>(bytes.size());
    return 0;
  }
  const HcmConfig& config = *hcm_.config;
  const http::HeadLimits limits{config.max_request_headers_kb * 1024u, config.common.max_headers,
                                config.common.underscores, config.http1.allow_absolute_url};
  stream_ = hcm_.worker->streams.make<Stream>(hcm_, static_cast<StreamConnection&>(*this));
  http::RequestLine line;
  const auto result = http::parse_request_head(bytes, limits, stream_->request_map(), line);
  if (result.status == HeadStatus::incomplete) {
    if (!head_begun()) begin_head();
    tried_ = static_cast<std::uint32_t>(bytes.size());
    hcm_.worker->streams.destroy(std::exchange(stream_, nullptr));
    return 0;
  }
  if (head_begun()) stream_->begin_at(since_);
  tried_ = 0;
  begun_ = false;
  first_bytes_ = false;
  if (result.status == HeadStatus::failed) {
    stream_->request_map().clear();
    refuse(result.error);
    return 0;
  }
  if (line.dropped_underscores > 0)
    hcm_.http1_stats->get().dropped_headers_with_underscores.add(line.dropped_underscores);
  begin_request(line);
  return result.consumed;
}

/// A part of a head has come: from here on the limits of a request count.
void Http1Session::begin_head() {
  since_ = hcm_.worker->loop.now();
  rearm(head_limit());
}

/// The shortest of those that a head can meet; 0: none.
std::chrono::milliseconds Http1Session::head_limit() const {
  const HcmConfig& config = *hcm_.config;
  auto limit = std::chrono::milliseconds::max();
  for (const auto one : {config.request_headers_timeout, config.stream_idle_timeout,
                         config.request_timeout, config.common.max_stream_duration})
    if (one.count() > 0) limit = std::min(limit, one);
  return limit == std::chrono::milliseconds::max() ? std::chrono::milliseconds(0) : limit;
}

void Http1Session::check_head() {
  const auto limit = head_limit();
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(since_ + limit - hcm_.worker->loop.now());
  if (limit.count() > 0 && left.count() <= 0)
    head_timed_out();
  else
    arm(limit.count() > 0 ? left : limit);
}

void Http1Session::head_timed_out() {
  tried_ = 0;
  begun_ = false;
  stream_ = hcm_.worker->streams.make<Stream>(hcm_, static_cast<StreamConnection&>(*this));
  stream_->begin_at(since_);
  if (hcm_.config->request_headers_timeout == head_limit()) {
    hcm_.stats->downstream_rq_header_timeout.add();
    stream_->refuse(408, "request header timeout", "request_header_timeout", {}, true);
  } else {
    stream_->check_limits();
  }
}

void Http1Session::begin_request(const http::RequestLine& line) {
  http::HeaderMap& headers = stream_->request_map();
  if (++requests_ == 1) {
    hcm_.stats->downstream_cx_http1_total.add();
    static_cast<void>(hcm_.http1_stats->get());  // shown from now on
  }
  response_done_ = false;
  response_chunked_ = false;
  request_elsewhere_ = response_elsewhere_ = false;
  tunnel_ = false;
  minor_version_ = line.minor_version;
  head_ = headers.get(HeaderId::method) == "HEAD";
  const Http1Error error = http::request_framing(headers, line, framing_, left_);
  if (line.minor_version == 0 && !hcm_.config->http1.accept_http_10) {
    minor_version_ = 1;
    if (error == Http1Error::length_and_chunked)
      refuse(error);
    else
      refuse({426, "Upgrade Required", "low_version"});
    return;
  }
  if (error != Http1Error::none) {
    refuse(error);
    return;
  }
  if (framing_ != BodyFraming::none && headers.get(HeaderId::method) == "CONNECT") {
    // It has none: what follows the head is the tunnel's (RFC 9110 §9.3.6).
    if (framing_ == BodyFraming::chunked)
      refuse(Http1Error::bad_transfer_encoding);
    else
      refuse({400, "Bad Request", "http1.body_disallowed"});
    return;
  }
  if (line.minor_version == 0) stream_->set_protocol("HTTP/1.0");
  keep_alive_10_ = false;
  if (headers.has(HeaderId::connection)) {
    const std::string_view connection = headers.joined("connection");
    if (http::has_token(connection, "close")) closes_ = true;
    keep_alive_10_ = line.minor_version == 0 && http::has_token(connection, "keep-alive");
  }
  if (headers.has(HeaderId::proxy_connection) && line.minor_version == 1 &&
      http::has_token(headers.get(HeaderId::proxy_connection), "close"))
    closes_ = true;
  if (line.minor_version == 0 && !keep_alive_10_) closes_ = true;
  const auto most = hcm_.config->common.max_requests_per_connection;
  if (most != 0 && requests_ >= most) {
    hcm_.stats->downstream_cx_max_requests_reached.add();
    closes_ = true;
  }
  // What asks for another protocol goes on without an end until it is refused or accepted.
  const bool upgrade = headers.has(HeaderId::upgrade) && headers.has(HeaderId::connection) &&
                       http::has_token(headers.joined("connection"), "upgrade") &&
                       !http::equals_ignoring_case(headers.get(HeaderId::upgrade), "h2c");
  if (upgrade && framing_ == BodyFraming::none) framing_ = BodyFraming::tunnel;
  if (framing_ == BodyFraming::chunked) chunks_ = std::make_unique<http::ChunkDecoder>();
  request_done_ = framing_ == BodyFraming::none;
  stream_->on_request_headers(request_done_);
}

std::size_t Http1Session::consume_body(std::string_view bytes) {
  if (framing_ == BodyFraming::chunked) return consume_chunked(bytes);
  if (framing_ == BodyFraming::tunnel) {
    stream_->on_request_data(bytes, false);
    return bytes.size();
  }
  const std::string_view piece =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  left_ -= piece.size();
  request_done_ = left_ == 0;
  stream_->on_request_data(piece, request_done_);
  return piece.size();
}

std::size_t Http1Session::consume_chunked(std::string_view bytes) {
  using Step = http::ChunkDecoder::Step;
  const auto result = chunks_->decode(bytes);
  switch (result.step) {
    case Step::failed:
      refuse(result.error);
      return 0;
    case Step::need_more:
      return result.consumed;
    case Step::data:
      stream_->on_request_data(result.piece, false);
      return result.consumed;
    case Step::trailers:
      break;
  }
  const std::unique_ptr<http::ChunkDecoder> chunks = std::move(chunks_);
  if (chunks->trailers() != "\r\n") {
    // What is dropped may be many.
    const http::HeadLimits limits{
        std::min<std::size_t>(16 * 1024, hcm_.config->max_request_headers_kb * 1024u),
        hcm_.config->http1.enable_trailers ? hcm_.config->common.max_headers
                                           : std::numeric_limits<std::uint32_t>::max(),
        hcm_.config->common.underscores};
    http::HeaderMap& trailers = stream_->request_trailers_map();
    const auto parsed = http::parse_trailers(chunks->trailers(), limits, trailers);
    if (parsed.status != HeadStatus::complete) {
      refuse(parsed.status == HeadStatus::failed ? parsed.error : Http1Error::bad_chunk);
      return 0;
    }
    if (hcm_.config->http1.enable_trailers && !trailers.empty()) {
      request_done_ = true;
      stream_->on_request_trailers();
      return result.consumed;
    }
  }
  request_done_ = true;
  stream_->on_request_data({}, true);
  return result.consumed;
}

void Http1Session::refuse(Http1Error error) {
  if (error == Http1Error::underscore)
    hcm_.http1_stats->get().requests_rejected_with_underscores_in_headers.add();
  refuse(answer_to(error));
}

void Http1Session::refuse(const ProtocolAnswer& answer) {
  hcm_.stats->downstream_cx_protocol_error.add();
  closes_ = true;
  held_.clear();
  access_log::ResponseFlags flags;
  flags.set(ResponseFlag::downstream_protocol_error);
  stream_->refuse(answer.status, answer.body, answer.details, flags, true);
}

}  // namespace weir::filters
