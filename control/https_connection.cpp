// SPDX-License-Identifier: Apache-2.0
#include "control/https_connection.hpp"

#include <utility>

#include <asio/write.hpp>

namespace weir::control {
namespace {

using admin::RequestParser;
using std::chrono::milliseconds;

constexpr milliseconds kHandshake{10'000};
constexpr milliseconds kFirstRequest{10'000};  // from the handshake to its first byte
constexpr milliseconds kNextRequest{90'000};   // as long as Go's clients keep a connection
constexpr milliseconds kRequest{10'000};       // from its first byte to its last
constexpr milliseconds kResponse{10'000};
constexpr milliseconds kEnd{1'000};
/// Read after the last answer, so that the client is not reset before it has read that.
constexpr std::size_t kMostDiscarded = std::size_t{16} << 20;

admin::Response problem(unsigned status, std::string text) {
  return {.status = status, .body = std::move(text) + "\n"};
}

}  // namespace

HttpsConnection::HttpsConnection(HttpsShared& shared, asio::ip::tcp::socket socket,
                                 TlsContext context)
    : shared_(shared),
      context_(std::move(context)),
      stream_(std::move(socket), *context_),
      timer_(stream_.get_executor()),
      parser_(RequestParser::Bodies::kept, HttpsServer::kLargestBody) {
  place_ = shared_.connections.insert(shared_.connections.end(), this);
}

HttpsConnection::~HttpsConnection() { leave(); }

/// Others have room from now on.
void HttpsConnection::leave() {
  if (has_left_) return;
  has_left_ = true;
  shared_.body_bytes -= std::exchange(counted_, 0);
  shared_.connections.erase(place_);
  if (shared_.finishing && shared_.connections.empty()) shared_.none_left();
}

void HttpsConnection::start() {
  set_deadline(kHandshake);
  stream_.async_handshake(asio::ssl::stream_base::server,
                          [self = shared_from_this()](std::error_code error) {
                            if (self->has_left_) return;
                            if (!error) return self->wait_for_request();
                            ++self->shared_.counts.failed_handshakes;
                            self->end();
                          });
}

void HttpsConnection::end() {
  std::error_code ignored;
  is_over_ = true;
  timer_.cancel();
  stream_.lowest_layer().close(ignored);
  leave();
}

void HttpsConnection::set_deadline(milliseconds from_now) {
  timer_.expires_after(from_now);
  timer_.async_wait([weak = weak_from_this()](std::error_code error) {
    const auto self = weak.lock();
    // One that was set anew while this was on its way is none.
    if (!error && self && self->timer_.expiry() <= asio::steady_timer::clock_type::now())
      self->on_deadline();
  });
}

void HttpsConnection::on_deadline() {
  if (!is_idle() && !is_over_) ++shared_.counts.too_slow;
  end();
}

void HttpsConnection::wait_for_request() {
  if (begin_ < end_) {  // it is here already
    set_deadline(kRequest);
    return go_on();
  }
  is_idle_ = true;
  set_deadline(had_request_ ? kNextRequest : kFirstRequest);
  read();
}

void HttpsConnection::read() {
  stream_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](std::error_code error, std::size_t size) {
                            // What is complete when another phase has ended it is nobody's.
                            if (error || self->has_left_) return self->end();
                            self->take(size);
                          });
}

void HttpsConnection::take(std::size_t size) {
  begin_ = 0;
  end_ = size;
  if (is_idle_) set_deadline(kRequest);
  is_idle_ = false;
  go_on();
}

void HttpsConnection::go_on() {
  const auto fed = parser_.feed({buffer_.data() + begin_, end_ - begin_});
  begin_ += fed.consumed;
  count_body();
  switch (fed.step) {
    case RequestParser::Step::malformed:
      return answer(problem(400, "not a request of HTTP/1.1"), false);
    case RequestParser::Step::head_too_large:
      return answer(problem(431, "the request's head is too long"), false);
    case RequestParser::Step::body_too_large:
      return answer(problem(413, "a body has " + std::to_string(HttpsServer::kLargestBody) +
                                     " bytes at most"),
                    false);
    case RequestParser::Step::need_more:
      if (shared_.body_bytes > HttpsServer::kMostBodies)
        return answer(problem(503, "too many bodies at once; try again"), false);
      return read();
    case RequestParser::Step::complete:
      break;
  }
  // It may be long, and the next one may be long in coming.
  const admin::Request request = parser_.take_request();
  ++shared_.counts.requests;
  had_request_ = true;
  shared_.connections.splice(shared_.connections.end(), shared_.connections, place_);
  const bool keep_alive = request.keep_alive && !shared_.leaving;
  answer(shared_.handler(request), keep_alive, request.method == "HEAD");
}

void HttpsConnection::count_body() {
  const std::size_t held = parser_.in_request() ? parser_.request().body.size() : 0;
  shared_.body_bytes += held - counted_;
  counted_ = held;
}

void HttpsConnection::answer(const admin::Response& response, bool keep_alive, bool is_head) {
  response_ = admin::render_response(response, keep_alive, is_head);
  set_deadline(kResponse);
  asio::async_write(stream_, asio::buffer(response_),
                    [self = shared_from_this(), keep_alive](std::error_code error, std::size_t) {
                      if (error || self->has_left_) return self->end();
                      if (keep_alive) return self->wait_for_request();
                      self->say_goodbye();
                    });
}

void HttpsConnection::say_goodbye() {
  is_over_ = true;
  set_deadline(kEnd);
  // Fails where the client has more to say, which is an end as well.
  stream_.async_shutdown([self = shared_from_this()](std::error_code) {
    std::error_code error;
    self->stream_.next_layer().shutdown(asio::ip::tcp::socket::shutdown_send, error);
    if (error) return self->end();
    self->discard();
  });
}

void HttpsConnection::discard() {
  stream_.next_layer().async_read_some(
      asio::buffer(buffer_), [self = shared_from_this()](std::error_code error, std::size_t size) {
        self->discarded_ += size;
        if (error || self->discarded_ > kMostDiscarded) return self->end();
        self->discard();
      });
}

}  // namespace weir::control
