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
// The queues of connections that wait are the sockets', and nobody in them is lost. The name under
// which a proxy is found goes over, too.
#pragma once

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

namespace weir::server {

struct TakenSocket {
  SocketLine line;
  UniqueFd fd;
};

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

/// Main thread, once it serves: lets itself be taken over from, by one at a time. And the end of
/// the new one's side.
class TakeOver {
 public:
  struct Setup {
    asio::io_context& io;
    /// Duplicates of all listening sockets, the admin server's among them.
    std::function<std::vector<TakenSocket>()> sockets;
    /// The new one serves, and uses these. `done` is called when no worker touches them any more.
    std::function<void(const std::vector<ListenAddress>& kept, std::function<void()> done)>
        hand_over;
    /// The old one has let go of everything.
    std::function<void()> on_alone;
  };
  explicit TakeOver(Setup setup);
  ~TakeOver();
  TakeOver(const TakeOver&) = delete;
  TakeOver& operator=(const TakeOver&) = delete;

  /// `taken`: of whom this one has taken over; it is told now.
  void serve(std::uint16_t admin_port, std::optional<Taken> taken,
             const std::vector<ListenAddress>& kept);

 private:
  void tell_old(Taken& taken, const std::vector<ListenAddress>& kept);
  void wait_for_old();
  void accept();
  void accept_later();
  void on_readable();
  void read();
  void on_message(Packet& packet);
  void give_sockets();
  void send_rest();
  void hand_over();
  void end_exchange(std::string_view why);

  Setup setup_;
  asio::posix::stream_descriptor offer_;
  asio::posix::stream_descriptor old_;
  // The exchange with a new one.
  asio::posix::stream_descriptor new_;
  asio::steady_timer patience_;
  std::vector<TakenSocket> to_send_;
  std::vector<ListenAddress> kept_;
  bool asked_ = false;
  bool handed_over_ = false;
};

}  // namespace weir::server
