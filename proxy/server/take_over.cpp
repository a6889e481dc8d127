// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "common/log.hpp"

namespace weir::server {
namespace {

using Kind = TakeOverMessage::Kind;

/// One that is asked while it gives its sockets to somebody else answers when that is over.
constexpr std::chrono::seconds kPatience{60};
/// For the first word.
constexpr std::chrono::seconds kFirstWord{5};
/// Who ends while it is asked may take a moment to be gone.
constexpr std::chrono::milliseconds kAgain{20};
constexpr int kTries = 100;
/// Without descriptors nobody is accepted for that long, as by an Acceptor.
constexpr std::chrono::milliseconds kRest{100};
/// More than any proxy has descriptors.
constexpr std::size_t kMostSockets = 1 << 20;

Error no_answer() {
  return Error{"take-over: the proxy that runs does not answer; end it before this one starts"};
}

Result<std::optional<Taken>> ask(UniqueFd connection) {
  TRY_VOID(send_message(connection.get(), {Kind::ask, {}, {}}, {}));
  Taken taken{std::move(connection), {}};
  while (true) {
    auto received = receive_packet(taken.connection.get());
    if (!received && received.error().code == EAGAIN) return no_answer();
    TRY(auto packet, std::move(received));
    if (!packet) return std::optional<Taken>();
    const TakeOverMessage& message = packet->message;
    if (message.kind == Kind::end) return std::optional(std::move(taken));
    if (message.kind == Kind::refused)
      return Error{"take-over: the proxy that runs refuses: " + message.reason};
    if (message.kind != Kind::sockets || taken.sockets.size() > kMostSockets)
      return Error{"take-over: the proxy that runs says what it should not"};
    for (std::size_t i = 0; i < message.sockets.size(); ++i)
      taken.sockets.push_back({message.sockets[i], std::move(packet->sockets[i])});
  }
}

/// Sends as many lines as go into a message; true: all of them are sent.
template <class Lines, class Send>
Result<bool> send_some(Lines& lines, Send&& send) {
  const std::size_t count = std::min(lines.size(), kMostSocketsInMessage);
  if (count == 0) return true;
  TRY_VOID(send(count));
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count));
  return lines.empty();
}

}  // namespace

UniqueFd Taken::take(SocketRole role, const Endpoint& address) {
  for (TakenSocket& socket : sockets)
    if (socket.fd && socket.line.role == role && socket.line.address == address)
      return std::move(socket.fd);
  return {};
}

Result<std::optional<Taken>> take_over(std::uint16_t admin_port) {
  const std::string name = take_over_name(admin_port);
  for (int i = 0; i < kTries; ++i) {
    TRY(auto connection, connect_to_take_over(name, kPatience));
    if (!connection) return std::optional<Taken>();
    TRY(auto taken, ask(*std::move(connection)));
    if (taken) return taken;
    std::this_thread::sleep_for(kAgain);
  }
  return no_answer();
}

TakeOver::TakeOver(Setup setup)
    : setup_(std::move(setup)),
      offer_(setup_.io),
      old_(setup_.io),
      new_(setup_.io),
      patience_(setup_.io) {}

/// asio leaves it to close(2) to end its interest in a descriptor, which does not help where
/// another process has the socket, too.
TakeOver::~TakeOver() {
  if (offer_.is_open()) close(offer_.release());
}

void TakeOver::serve(std::uint16_t admin_port, std::optional<Taken> taken,
                     const std::vector<ListenAddress>& kept) {
  UniqueFd offer;
  if (taken) offer = taken->take(SocketRole::offer);
  if (!offer) {
    auto made = listen_for_take_over(take_over_name(admin_port));
    if (!made)
      return log::info(log::Component::main, "nobody can take over from this proxy: {}",
                       made.error().message);
    offer = *std::move(made);
  }
  offer_.assign(offer.release());
  if (taken) tell_old(*taken, kept);
  accept();
}

void TakeOver::tell_old(Taken& taken, const std::vector<ListenAddress>& kept) {
  std::vector<ListenAddress> left = kept;
  const int fd = taken.connection.get();
  Result<bool> sent = false;
  while (sent && !*sent)
    sent = send_some(left, [&](std::size_t count) {
      TakeOverMessage message{Kind::kept, {}, {}};
      for (std::size_t i = 0; i < count; ++i)
        message.sockets.push_back({SocketRole::listener, left[i].endpoint, 0});
      return send_message(fd, message, {});
    });
  if (sent) {
    auto said = send_message(fd, {Kind::serving, {}, {}}, {});
    if (!said) sent = std::move(said.error());
  }
  // It may have ended meanwhile: then there is nobody to tell.
  if (!sent) log::info(log::Component::main, "{}", sent.error().message);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  old_.assign(taken.connection.release());
  wait_for_old();
}

void TakeOver::wait_for_old() {
  old_.async_wait(asio::posix::descriptor_base::wait_read, [this](const std::error_code& error) {
    if (error) return;
    const auto packet = receive_packet(old_.native_handle());
    if (packet ? packet->has_value() : packet.error().code == EAGAIN) return wait_for_old();
    old_.close();
    setup_.on_alone();
  });
}

void TakeOver::accept() {
  offer_.async_wait(asio::posix::descriptor_base::wait_read, [this](const std::error_code& error) {
    if (error) return;
    UniqueFd connection(
        accept4(offer_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
      return accept_later();
    if (!connection) return accept();  // another process may have been quicker
    if (auto checked = check_peer(connection.get()); !checked) {
      // Anybody may knock: not worth a line each time.
      log::debug(log::Component::main, "{}", checked.error().message);
      return accept();
    }
    new_.assign(connection.release());
    patience_.expires_after(kFirstWord);
    patience_.async_wait([this](const std::error_code& cancelled) {
      if (!cancelled) end_exchange("it says nothing");
    });
    read();
  });
}

/// Who waits there would wake this one again and again.
void TakeOver::accept_later() {
  patience_.expires_after(kRest);
  patience_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) accept();
  });
}

void TakeOver::read() {
  new_.async_wait(asio::posix::descriptor_base::wait_read, [this](const std::error_code& error) {
    if (!error) on_readable();
  });
}

void TakeOver::on_readable() {
  while (new_.is_open() && !handed_over_) {
    auto packet = receive_packet(new_.native_handle());
    if (!packet && packet.error().code == EAGAIN) return read();
    if (!packet) return end_exchange(packet.error().message);
    if (!*packet) return end_exchange("it is gone before it served");
    on_message(**packet);
  }
}

void TakeOver::on_message(Packet& packet) {
  if (asked_ == (packet.message.kind == Kind::ask))
    return end_exchange("it says what it should not");
  switch (packet.message.kind) {
    case Kind::ask:
      asked_ = true;
      patience_.cancel();
      return give_sockets();
    case Kind::kept:
      for (const SocketLine& line : packet.message.sockets) kept_.push_back({line.address});
      if (kept_.size() > kMostSockets) end_exchange("it says too much");
      return;
    case Kind::serving:
      return hand_over();
    default:
      return end_exchange("it says what it should not");
  }
}

void TakeOver::give_sockets() {
  log::info(log::Component::main, "another weir-proxy is about to take over");
  to_send_ = setup_.sockets();
  UniqueFd offer = duplicate(offer_.native_handle());
  if (offer) to_send_.push_back({{SocketRole::offer, {}, 0}, std::move(offer)});
  kept_.clear();
  send_rest();
}

void TakeOver::send_rest() {
  if (!new_.is_open()) return;
  Result<bool> sent = false;
  while (sent && !*sent)
    sent = send_some(to_send_, [this](std::size_t count) {
      TakeOverMessage message{Kind::sockets, {}, {}};
      std::vector<int> descriptors;
      for (std::size_t i = 0; i < count; ++i) {
        message.sockets.push_back(to_send_[i].line);
        descriptors.push_back(to_send_[i].fd.get());
      }
      return send_message(new_.native_handle(), message, descriptors);
    });
  if (sent) {
    auto ended = send_message(new_.native_handle(), {Kind::end, {}, {}}, {});
    if (ended) return;
    sent = std::move(ended.error());
  }
  if (sent.error().code != EAGAIN) return end_exchange(sent.error().message);
  new_.async_wait(asio::posix::descriptor_base::wait_write, [this](const std::error_code& error) {
    if (!error) send_rest();
  });
}

void TakeOver::hand_over() {
  handed_over_ = true;
  close(offer_.release());
  setup_.hand_over(kept_, [this] { new_.close(); });
}

void TakeOver::end_exchange(std::string_view why) {
  log::warning(log::Component::main, "nobody takes over after all: {}; all goes on as before", why);
  patience_.cancel();
  to_send_.clear();
  asked_ = false;
  new_.close();
  accept();
}

}  // namespace weir::server
