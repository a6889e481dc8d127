// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/grpc_call.hpp"

#include <array>
#include <charconv>

#include "proxy/http/grpc_status.hpp"

namespace weir::xds {
namespace {

constexpr int kInternal = 13;
constexpr int kUnavailable = 14;
constexpr int kResourceExhausted = 8;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string describe(int status, std::string_view text) {
  const auto name = http::grpc_status_snake(status);
  std::string all = name.empty() ? "grpc-status " + std::to_string(status) : std::string(name);
  if (!text.empty()) all += ": " + std::string(text);
  return all;
}

unsigned status_of(const http::HeaderMap& answer) {
  const std::string_view text = answer.get(":status");
  unsigned status = 0;
  std::from_chars(text.data(), text.data() + text.size(), status);
  return status;
}

}  // namespace

GrpcCall::GrpcCall(const GrpcRequest& request, const http::Http2Options& options)
    : arena_(arenas_),
      request_(arena_),
      answer_(arena_),
      session_(http::Http2Session::Role::client, options, {}, memory_, *this),
      decoder_(request.most_message) {
  fill_request(request);
  stream_ = session_.submit_request(request_, false, nullptr);
}

void GrpcCall::fill_request(const GrpcRequest& request) {
  request_.add(":method", "POST");
  request_.add(":scheme", "http");
  request_.add(":path", request.path);
  request_.add(":authority", request.authority);
  request_.add("te", "trailers");
  request_.add("content-type", "application/grpc");
  request_.add("user-agent", "weir/" WEIR_VERSION);
  for (const auto& [name, value] : request.metadata) request_.add(name, value);
}

void GrpcCall::send(std::string_view message) {
  if (end_) return;
  session_.submit_data(stream_, bytes_of(grpc_prefix(message.size())), false);
  session_.submit_data(stream_, bytes_of(message), false);
}

void GrpcCall::receive(std::string_view bytes, TimePoint now) {
  session_.receive(bytes_of(bytes), now);
  check_session();
}

void GrpcCall::check_session() {
  if (!session_.failed() && !session_.finished()) return;
  const std::string& text = session_.error_text();
  finish(kUnavailable,
         text.empty() ? "the HTTP/2 connection has ended" : "the peer speaks no HTTP/2: " + text);
}

std::optional<std::string> GrpcCall::next_message() {
  if (messages_.empty()) return std::nullopt;
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  if (messages_.empty() && held_ > 0) session_.consume(stream_, std::exchange(held_, 0));
  return message;
}

void GrpcCall::closed(std::string_view why) { finish(kUnavailable, std::string(why)); }

std::string GrpcCall::output(TimePoint now) {
  std::string all;
  std::array<std::byte, 16384> chunk;
  // A little more than the mark: what the peer does not read waits in the session.
  while (all.size() < kHighMark) {
    const std::size_t size = session_.produce(chunk, now);
    all.append(reinterpret_cast<const char*>(chunk.data()), size);
    if (size == 0 || !session_.wants_write()) break;
  }
  check_session();  // some errors show only now
  return all;
}

void GrpcCall::ping() { session_.ping(++pings_); }

http::HeaderMap* GrpcCall::on_begin_headers(std::int32_t stream, http::HeadersKind) {
  return stream == stream_ ? &answer_ : nullptr;
}

void GrpcCall::on_headers(std::int32_t, http::HeadersKind kind, bool end_of_stream) {
  if (kind == http::HeadersKind::informational || end_) return;
  if (kind == http::HeadersKind::response) check_response();
  if (end_of_stream) end_by_trailers();
}

void GrpcCall::check_response() {
  answered_ = true;
  if (answer_.find("grpc-status") != nullptr) return;  // the end says more
  if (const unsigned status = status_of(answer_); status != 200)
    return refuse(http::grpc_status_of_http(status), "HTTP status " + std::to_string(status));
  const std::string_view type = answer_.get("content-type");
  if (!http::is_grpc_content_type(type))
    refuse(http::kGrpcUnknown, "content-type '" + decode_grpc_message(type) + "': no gRPC");
}

void GrpcCall::on_data(std::int32_t stream, std::span<const std::byte> data) {
  if (end_) return session_.consume(stream, data.size());
  std::vector<std::string> arrived;
  const auto fed =
      decoder_.feed({reinterpret_cast<const char*>(data.data()), data.size()}, arrived);
  for (std::string& message : arrived) messages_.push_back(std::move(message));
  if (messages_.empty())
    session_.consume(stream, data.size());
  else
    held_ += data.size();
  if (!fed) refuse(kResourceExhausted, fed.error().message);
}

void GrpcCall::on_end_of_stream(std::int32_t) {
  if (!end_) finish(kInternal, "the stream ended without grpc-status");
}

void GrpcCall::on_reset(std::int32_t, const http::Http2Reset& reset) {
  finish(kUnavailable, "the stream was reset: " + std::string(http2_error_name(reset.code)));
}

void GrpcCall::on_stream_closed(std::int32_t, void*) {
  finish(kUnavailable, "the stream was closed");
}

void GrpcCall::end_by_trailers() {
  if (end_) return;
  const auto* status = answer_.find("grpc-status");
  if (status == nullptr) return finish(kInternal, "the stream ended without grpc-status");
  const int code = http::parse_grpc_status(status->value);
  const std::string text = decode_grpc_message(answer_.get("grpc-message"));
  if (!decoder_.at_rest() && code == 0) return finish(kInternal, "the last message is cut off");
  finish(code == http::kGrpcInvalid ? http::kGrpcUnknown : code, text);
}

void GrpcCall::finish(int status, std::string text) {
  if (!end_) end_ = GrpcEnd{status, describe(status, text)};
}

void GrpcCall::refuse(int status, std::string text) {
  finish(status, std::move(text));
  session_.reset(stream_, http::Http2Error::cancel);
}

}  // namespace weir::xds
