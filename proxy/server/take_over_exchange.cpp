// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over_exchange.hpp"

#include <cerrno>
#include <utility>

namespace weir::server {
namespace {

using Kind = TakeOverMessage::Kind;

constexpr std::chrono::seconds kFirstWord{5};
constexpr std::string_view kNonsense = "it says what it should not";

std::string name_of(pid_t process) {
  return process > 0 ? "process " + std::to_string(process) : "a process of another container";
}

}  // namespace

TakeOverExchange::TakeOverExchange(asio::io_context& io, UniqueFd connection, Events events)
    : connection_(io),
      patience_(io),
      events_(std::move(events)),
      who_(name_of(peer_process(connection.get()))) {
  connection_.assign(connection.release());
}

void TakeOverExchange::begin() {
  patience_.expires_after(kFirstWord);
  patience_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
    if (!cancelled) self->end("it says nothing");
  });
  read();
}

void TakeOverExchange::read() {
  connection_.async_wait(asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const std::error_code& error) {
                           if (!error) self->on_readable();
                         });
}

void TakeOverExchange::on_readable() {
  while (connection_.is_open() && !serves_) {
    const auto packet = receive_packet(connection_.native_handle());
    if (!packet && packet.error().code == EAGAIN) return read();
    if (!packet) return end(packet.error().message);
    if (!*packet) return end("it is gone before it served");
    on_message((*packet)->message);
  }
}

void TakeOverExchange::on_message(const TakeOverMessage& message) {
  if (asked_ == (message.kind == Kind::ask) || asked_ != given_) return end(kNonsense);
  switch (message.kind) {
    case Kind::ask:
      asked_ = true;
      patience_.cancel();
      return events_.on_ask();
    case Kind::kept:
      for (const SocketLine& line : message.sockets) kept_.push_back({line.address});
      if (kept_.size() > kMostTakenSockets) end("it says too much");
      return;
    case Kind::serving:
      serves_ = true;
      return events_.on_serving(kept_);
    default:
      return end(kNonsense);
  }
}

void TakeOverExchange::give(std::vector<TakenSocket> sockets) {
  given_ = true;
  to_send_ = std::move(sockets);
  send_rest();
}

void TakeOverExchange::send_rest() {
  if (!connection_.is_open()) return;
  Result<bool> sent = false;
  while (sent && !*sent)
    sent = send_some(to_send_, [this](std::size_t count) {
      TakeOverMessage message{Kind::sockets, {}, {}};
      std::vector<int> descriptors;
      for (std::size_t i = 0; i < count; ++i) {
        message.sockets.push_back(to_send_[i].line);
        descriptors.push_back(to_send_[i].fd.get());
      }
      return send_message(connection_.native_handle(), message, descriptors);
    });
  if (sent) {
    auto ended = send_message(connection_.native_handle(), {Kind::end, {}, {}}, {});
    if (ended) return;
    sent = std::move(ended.error());
  }
  if (sent.error().code != EAGAIN) return end(sent.error().message);
  connection_.async_wait(asio::posix::descriptor_base::wait_write,
                         [self = shared_from_this()](const std::error_code& error) {
                           if (!error) self->send_rest();
                         });
}

/// Whoever does not read has no room for it; to that one the end says enough.
void TakeOverExchange::refuse(const std::string& reason) {
  static_cast<void>(send_message(connection_.native_handle(), {Kind::refused, {}, reason}, {}));
  close();
}

void TakeOverExchange::close() {
  patience_.cancel();
  to_send_.clear();
  connection_.close();
}

void TakeOverExchange::end(std::string_view why) {
  close();
  events_.on_end(*this, why);
}

}  // namespace weir::server
