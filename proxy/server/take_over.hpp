// SPDX-License-Identifier: Apache-2.0
// Take-over: a proxy gets the listening sockets of the one that runs, which then serves what it has
// to its end. Until the new one serves, the old one goes on as if nothing had happened.
//
//   new                                   old
//   connects, "ask"                 ───►  duplicates of its sockets (nothing else changes)
//   uses those that it wants        ◄───  "sockets" …, "end"
//   starts as always, serves
//   "kept" …, "serving"             ───►  closes its sockets, drains, and closes the connection
//                                         when all its workers have let go of them
//
// One at a time has a turn. Who has not come to serve within TakeOver::kTurn, since it hangs or
// waits for something, loses it to the next one that asks:
//
//   must not serve: ends            ◄───  "refused"
//
// The queues of connections that wait are the sockets', and nobody in them is lost. The name under
// which a proxy is found goes over, too.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "common/addresses.hpp"
#include "proxy/server/take_over_channel.hpp"
#include "proxy/server/take_over_exchange.hpp"

namespace weir::server {

/// What the new one got. The sockets are closed with it.
struct Taken {
  UniqueFd connection;
  std::vector<TakenSocket> sockets;

  /// The first with that role, and for an admin socket that address. Empty: none.
  UniqueFd take(SocketRole role, const Endpoint& address = {});
};

/// The new one's side: asks who runs, and waits for the sockets. Blocks. Without a value: nobody is
/// there. Error: somebody is, and does not give them (EPERM: is of another user, or out of reach).
Result<std::optional<Taken>> take_over(std::uint16_t admin_port);

/// Main thread. First the new one's side, if there was one to take over from; once this one serves,
/// the old one's.
class TakeOver {
 public:
  /// How long the others wait for one that has the sockets and does not serve.
  static constexpr std::chrono::seconds kTurn{5};

  struct Setup {
    asio::io_context& io;
    /// Duplicates of all listening sockets, the admin server's among them. Error: not all can be
    /// had.
    std::function<Result<std::vector<TakenSocket>>()> sockets;
    /// The new one serves, and uses these. `done` is called when no worker touches them any more.
    std::function<void(const std::vector<ListenAddress>& kept, std::function<void()> done)>
        hand_over;
    /// The old one has let go of everything.
    std::function<void()> on_alone;
    /// Another one has been preferred. Before serve(): this one must not serve. Later, when it was
    /// told too late: as if it had been taken over from.
    std::function<void(const std::string& reason)> on_refused;
  };
  explicit TakeOver(Setup setup);
  ~TakeOver();
  TakeOver(const TakeOver&) = delete;
  TakeOver& operator=(const TakeOver&) = delete;

  /// Once, with the connection to whom this one has taken the sockets from.
  void follow(UniqueFd old);
  /// Hears at once what the old one may have said.
  void check_old();
  /// Once, when this one serves: tells the old one, if there is one, and lets itself be taken over
  /// from. `offer`: the old one's, or none.
  void serve(std::uint16_t admin_port, UniqueFd offer, const std::vector<ListenAddress>& kept);

 private:
  void tell_old(const std::vector<ListenAddress>& kept);
  void wait_for_old();
  void hear(const TakeOverMessage& message);
  void accept();
  void accept_later();
  void meet(UniqueFd connection);
  void on_ask();
  void begin_turn();
  void on_end(const TakeOverExchange& one, std::string_view why);
  void hand_over(const std::vector<ListenAddress>& kept);
  void stop_offering();

  Setup setup_;
  asio::posix::stream_descriptor offer_;
  asio::posix::stream_descriptor old_;
  bool is_alone_ = false;  // the old one is gone
  bool serves_ = false;
  std::shared_ptr<TakeOverExchange> current_;  // has the sockets
  std::shared_ptr<TakeOverExchange> next_;     // waits for its turn, or has said nothing yet
  asio::steady_timer turn_;
  asio::steady_timer rest_;
};

}  // namespace weir::server
