// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/admin_connection.hpp"

#include <utility>

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include "common/log.hpp"
#include "common/socket_address.hpp"
#include "proxy/admin/host_guard.hpp"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kRequestTimeout = 10s;  // from its first byte to its last
constexpr std::chrono::milliseconds kIdleTimeout = 60s;     // between two requests
constexpr std::chrono::milliseconds kSendTimeout = 30s;
constexpr std::chrono::milliseconds kLingerTimeout = 1s;

Response response_for(RequestParser::Step step) {
  switch (step) {
    case RequestParser::Step::head_too_large:
      return {431, kPlainText, "request head too large\n"};
    case RequestParser::Step::body_too_large:
      return {413, kPlainText, "request body too large\n"};
    default:
      return {400, kPlainText, "malformed request\n"};
  }
}

}  // namespace

AdminConnection::AdminConnection(asio::ip::tcp::socket socket, AdminSource& source,
                                 bool loopback_only, OnClosed on_closed)
    : socket_(std::move(socket)),
      deadline_(socket_.get_executor()),
      source_(&source),
      loopback_only_(loopback_only),
      on_closed_(std::move(on_closed)) {}

void AdminConnection::start() {
  arm(kRequestTimeout);
  read();
}

void AdminConnection::close() {
  on_closed_ = nullptr;
  end();
}

void AdminConnection::end() {
  source_ = nullptr;
  std::error_code ignored;
  socket_.close(ignored);
  deadline_.cancel();
  if (const OnClosed on_closed = std::exchange(on_closed_, nullptr)) on_closed(this);
}

void AdminConnection::arm(std::chrono::milliseconds timeout) {
  deadline_.expires_after(timeout);
  deadline_.async_wait([self = shared_from_this()](const std::error_code& error) {
    // The wait may have ended before it was armed anew.
    const bool due = self->deadline_.expiry() <= asio::steady_timer::clock_type::now();
    if (!error && due && self->source_) self->end();
  });
}

void AdminConnection::read() {
  socket_.async_read_some(
      asio::buffer(chunk_),
      [self = shared_from_this()](const std::error_code& error, std::size_t size) {
        if (!self->source_) return;
        if (error) return self->end();
        if (!self->parser_.in_request()) self->arm(kRequestTimeout);
        self->unparsed_.append(self->chunk_.data(), size);
        self->parse();
      });
}

void AdminConnection::parse() {
  while (!unparsed_.empty()) {
    const RequestParser::Fed fed = parser_.feed(unparsed_);
    unparsed_.erase(0, fed.consumed);
    if (fed.step == RequestParser::Step::need_more) continue;
    if (fed.step == RequestParser::Step::complete) return answer();
    return send(response_for(fed.step), false, false);
  }
  read();
}

void AdminConnection::answer() {
  const Request& request = parser_.request();
  const bool head = request.method == "HEAD";
  const auto local = local_endpoint(socket_.native_handle());
  if (loopback_only_ && !request.host.empty() &&
      !(local && names_this_host(request.host, local->address)))
    return send(
        {403, kPlainText, "host not allowed: this admin server answers to loopback names\n"}, false,
        head);
  if (request.method == "POST" && is_foreign_origin(request.origin, request.host))
    return send({403, kPlainText, "request from a page of another origin\n"}, false, head);
  log::debug(log::Component::admin, "request {} {}", request.method, request.target);
  Answer answer = answer_request(request, *source_);
  if (std::holds_alternative<Quit>(answer.effect))
    after_sent_ = answer.effect;
  else
    apply_effect(answer.effect, *source_);
  send(answer.response, request.keep_alive, head);
}

void AdminConnection::send(const Response& response, bool keep_alive, bool head) {
  output_ = render_response(response, keep_alive, head);
  arm(kSendTimeout);
  asio::async_write(
      socket_, asio::buffer(output_),
      [self = shared_from_this(), keep_alive](const std::error_code& error, std::size_t) {
        if (!self->source_) return;
        const Effect effect = std::exchange(self->after_sent_, Effect());
        AdminSource& source = *self->source_;
        if (error)
          self->end();
        else
          self->on_sent(keep_alive);
        apply_effect(effect, source);
      });
}

void AdminConnection::on_sent(bool keep_alive) {
  std::string().swap(output_);
  if (keep_alive) {
    arm(unparsed_.empty() ? kIdleTimeout : kRequestTimeout);
    return parse();
  }
  std::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  arm(kLingerTimeout);
  wait_for_peer();
}

/// Closing with unread bytes would send RST, and the client could lose the answer.
void AdminConnection::wait_for_peer() {
  socket_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](const std::error_code& error, std::size_t) {
                            if (!self->source_) return;
                            if (error) return self->end();
                            self->wait_for_peer();
                          });
}

}  // namespace weir::admin
