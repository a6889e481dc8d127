// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "common/log.hpp"

namespace weir::server {
namespace {

using Kind = TakeOverMessage::Kind;

/// One that is asked while it gives its sockets to somebody else answers when that is over.
constexpr std::chrono::seconds kPatience{60};
/// Who ends while it is asked may take a moment to be gone.
constexpr std::chrono::milliseconds kAgain{20};
constexpr int kTries = 100;
/// Without descriptors nobody is accepted for that long, as by an Acceptor.
constexpr std::chrono::milliseconds kRest{100};

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
    if (message.kind != Kind::sockets || taken.sockets.size() > kMostTakenSockets)
      return Error{"take-over: the proxy that runs says what it should not"};
    for (std::size_t i = 0; i < message.sockets.size(); ++i)
      taken.sockets.push_back({message.sockets[i], std::move(packet->sockets[i])});
  }
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
      turn_(setup_.io),
      rest_(setup_.io) {}

TakeOver::~TakeOver() { stop_offering(); }

void TakeOver::follow(UniqueFd old) {
  fcntl(old.get(), F_SETFL, O_NONBLOCK);
  old_.assign(old.release());
  wait_for_old();
}

void TakeOver::wait_for_old() {
  old_.async_wait(asio::posix::descriptor_base::wait_read, [this](const std::error_code& error) {
    if (error) return;
    check_old();
    if (old_.is_open()) wait_for_old();
  });
}

void TakeOver::check_old() {
  while (old_.is_open()) {
    const auto packet = receive_packet(old_.native_handle());
    if (!packet && packet.error().code == EAGAIN) return;
    if (packet && *packet) {
      hear((*packet)->message);
      continue;
    }
    old_.close();
    is_alone_ = true;
    if (serves_) setup_.on_alone();
  }
}

void TakeOver::hear(const TakeOverMessage& message) {
  if (message.kind != Kind::refused) return;
  old_.close();
  stop_offering();
  setup_.on_refused(message.reason);
}

void TakeOver::serve(std::uint16_t admin_port, UniqueFd offer,
                     const std::vector<ListenAddress>& kept) {
  serves_ = true;
  if (old_.is_open()) tell_old(kept);
  if (is_alone_) setup_.on_alone();
  if (!offer) {
    auto made = listen_for_take_over(take_over_name(admin_port));
    if (!made)
      return log::info(log::Component::main, "nobody can take over from this proxy: {}",
                       made.error().message);
    offer = *std::move(made);
  }
  offer_.assign(offer.release());
  accept();
}

void TakeOver::tell_old(const std::vector<ListenAddress>& kept) {
  std::vector<ListenAddress> left = kept;
  const int fd = old_.native_handle();
  fcntl(fd, F_SETFL, 0);
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
    meet(std::move(connection));
  });
}

/// Who waits there would wake this one again and again.
void TakeOver::accept_later() {
  rest_.expires_after(kRest);
  rest_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) accept();
  });
}

/// The next one is accepted when this one has its turn, or is gone.
void TakeOver::meet(UniqueFd connection) {
  next_ = std::make_shared<TakeOverExchange>(
      setup_.io, std::move(connection),
      TakeOverExchange::Events{
          .on_ask = [this] { on_ask(); },
          .on_serving = [this](const std::vector<ListenAddress>& kept) { hand_over(kept); },
          .on_end = [this](const TakeOverExchange& one,
                           std::string_view why) { on_end(one, why); }});
  next_->begin();
}

void TakeOver::on_ask() {
  if (!current_ || turn_.expiry() <= asio::steady_timer::clock_type::now()) return begin_turn();
  log::info(log::Component::main, "{} is about to take over, too: it waits for {}", next_->who(),
            current_->who());
  turn_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled && next_ && next_->has_asked()) begin_turn();
  });
}

void TakeOver::begin_turn() {
  if (current_) {
    log::warning(log::Component::main, "{} has not come to serve: {} is to take over instead",
                 current_->who(), next_->who());
    current_->refuse(next_->who() + " has asked since, and this one did not serve yet");
  }
  current_ = std::exchange(next_, nullptr);
  turn_.expires_after(kTurn);
  accept();
  log::info(log::Component::main, "another weir-proxy is about to take over: {}", current_->who());
  auto sockets = setup_.sockets();
  UniqueFd offer = duplicate(offer_.native_handle());
  if (sockets && !offer) sockets = Error{std::string("dup: ") + std::strerror(errno), errno};
  if (!sockets) {
    log::warning(log::Component::main, "{} cannot take over: {}", current_->who(),
                 sockets.error().message);
    current_->refuse(sockets.error().message);
    return current_.reset();
  }
  sockets->push_back({{SocketRole::offer, {}, 0}, std::move(offer)});
  current_->give(*std::move(sockets));
}

void TakeOver::on_end(const TakeOverExchange& one, std::string_view why) {
  log::warning(log::Component::main, "{} does not take over after all: {}; all goes on as before",
               one.who(), why);
  if (&one == next_.get()) {
    next_.reset();
    return accept();
  }
  current_.reset();
  if (next_ && next_->has_asked()) begin_turn();
}

void TakeOver::hand_over(const std::vector<ListenAddress>& kept) {
  const auto taker = std::exchange(current_, nullptr);
  stop_offering();
  setup_.hand_over(kept, [taker] { taker->close(); });
}

/// Who waits here finds the one that has the name now. asio leaves it to close(2) to end its
/// interest in a descriptor, which does not help where another process has the socket, too.
void TakeOver::stop_offering() {
  for (auto* exchange : {&current_, &next_})
    if (const auto one = std::exchange(*exchange, nullptr)) one->close();
  turn_.cancel();
  rest_.cancel();
  if (offer_.is_open()) close(offer_.release());
}

}  // namespace weir::server
