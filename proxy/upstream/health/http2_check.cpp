// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/http2_check.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "proxy/upstream/health/grpc_health.hpp"

namespace weir::upstream {
namespace {

using Kind = CheckResult::Kind;

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Http2Check::Http2Check(const config::HealthCheckConfig& config, std::string authority)
    : config_(config),
      authority_(std::move(authority)),
      session_(http::Http2Session::Role::client, {}, {}, memory_, *this) {}

void Http2Check::fill_request(http::HeaderMap& request) const {
  request.add(":method", is_grpc() ? "POST" : config_.method);
  request.add(":scheme", "http");
  request.add(":path", is_grpc() ? "/grpc.health.v1.Health/Check" : config_.path);
  request.add(":authority", authority_);
  if (is_grpc()) {
    request.add("te", "trailers");
    request.add("content-type", "application/grpc");
  }
  request.add("user-agent", "Envoy/HC");
  for (const auto& [name, value] : config_.request_headers) request.add(name, value);
}

std::string Http2Check::begin() {
  head_ = {};
  body_.clear();
  grpc_status_.clear();
  waiting_ = true;
  auto& exchange = *exchanges_.emplace_back(std::make_unique<Exchange>(arenas_));
  fill_request(exchange.request);
  stream_ = exchange.stream = session_.submit_request(exchange.request, !is_grpc(), nullptr);
  if (stream_ < 0)
    exchanges_.pop_back();
  else if (is_grpc())
    session_.submit_data(stream_, bytes_of(encode_health_request(config_.grpc_service)), true);
  return take_output();
}

std::string Http2Check::take_output() {
  produce();
  return std::exchange(output_, {});
}

void Http2Check::produce() {
  std::array<std::byte, 4096> chunk;
  for (std::size_t size = chunk.size(); size == chunk.size();) {
    size = session_.produce(chunk, now());
    output_.append(reinterpret_cast<const char*>(chunk.data()), size);
  }
}

std::optional<CheckResult> Http2Check::feed(std::string_view bytes) {
  session_.receive(bytes_of(bytes), now());
  produce();  // some errors show only now
  if (session_.failed() && waiting_) {
    const std::string& text = session_.error_text();
    end_check(
        {Kind::network, "the answer is not HTTP/2" + (text.empty() ? "" : ": " + text), false});
  }
  return std::exchange(result_, std::nullopt);
}

bool Http2Check::keeps_open() const {
  return !session_.goaway_received() && !session_.failed() && !session_.finished();
}

http::HeaderMap* Http2Check::on_begin_headers(std::int32_t stream, http::HeadersKind) {
  const auto at = std::find_if(exchanges_.begin(), exchanges_.end(),
                               [&](const auto& exchange) { return exchange->stream == stream; });
  return at == exchanges_.end() ? nullptr : &(*at)->answer;
}

void Http2Check::on_headers(std::int32_t stream, http::HeadersKind kind, bool end_of_stream) {
  if (!is_current(stream) || kind == http::HeadersKind::informational) return;
  read_head(exchanges_.back()->answer);
  if (end_of_stream) judge();
}

void Http2Check::read_head(const http::HeaderMap& answer) {
  if (const auto* status = answer.find(":status"))
    for (const char digit : status->value)
      head_.status = head_.status * 10 + static_cast<unsigned>(digit - '0');
  head_.degraded |= answer.find("x-envoy-degraded") != nullptr;
  head_.immediate_failure |= answer.find("x-envoy-immediate-health-check-fail") != nullptr;
  if (const auto* status = answer.find("grpc-status")) grpc_status_ = status->value;
}

void Http2Check::on_data(std::int32_t stream, std::span<const std::byte> data) {
  session_.consume(stream, data.size());
  if (!is_current(stream) || !is_grpc() || body_.size() + data.size() > kMaxBody) return;
  body_.append(reinterpret_cast<const char*>(data.data()), data.size());
}

void Http2Check::on_end_of_stream(std::int32_t stream) {
  if (is_current(stream)) judge();
}

void Http2Check::on_reset(std::int32_t stream, const http::Http2Reset& reset) {
  if (!is_current(stream)) return;
  end_check(
      {Kind::network, "the stream was reset: " + std::string(http2_error_name(reset.code)), false});
}

void Http2Check::on_goaway(std::int32_t, http::Http2Error) {}

void Http2Check::on_stream_closed(std::int32_t stream, void*) {
  std::erase_if(exchanges_, [&](const auto& exchange) { return exchange->stream == stream; });
}

void Http2Check::end_check(CheckResult result) {
  waiting_ = false;
  result_ = std::move(result);
}

void Http2Check::judge() { end_check(is_grpc() ? judge_grpc() : judge_status(config_, head_)); }

CheckResult Http2Check::judge_grpc() const {
  const auto refused = [&](std::string reason) {
    return CheckResult{Kind::refused, std::move(reason), head_.immediate_failure};
  };
  if (head_.status != 200)
    return refused("the health service answered HTTP " + std::to_string(head_.status));
  if (grpc_status_ != "0")
    return refused("the health service answered grpc-status " +
                   (grpc_status_.empty() ? "none" : grpc_status_));
  const auto status = decode_health_response(body_);
  if (!status) return refused("the health service's answer is not a HealthCheckResponse");
  static constexpr std::array<std::string_view, 4> kNames{"UNKNOWN", "SERVING", "NOT_SERVING",
                                                          "SERVICE_UNKNOWN"};
  constexpr std::uint64_t kServing = 1;
  if (*status != kServing)
    return refused("the health service says " +
                   std::string(*status < kNames.size() ? kNames[*status] : "an unknown status"));
  return {head_.degraded ? Kind::degraded : Kind::passed, {}, head_.immediate_failure};
}

}  // namespace weir::upstream
