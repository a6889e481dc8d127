// SPDX-License-Identifier: Apache-2.0
// TakeOverExchange: the conversation of the proxy that runs with one that wants to take over.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "common/addresses.hpp"
#include "proxy/server/take_over_channel.hpp"

namespace weir::server {

/// Main thread. Held by shared_ptr: it may be closed in one of its own events.
class TakeOverExchange : public std::enable_shared_from_this<TakeOverExchange> {
 public:
  struct Events {
    std::function<void()> on_ask;  // once
    /// It serves, and uses these. The connection stays until close(), which tells it to be alone.
    std::function<void(const std::vector<ListenAddress>& kept)> on_serving;
    /// It is gone, or says what it should not, or nothing at first. Closed already.
    std::function<void(const TakeOverExchange& one, std::string_view why)> on_end;
  };
  TakeOverExchange(asio::io_context& io, UniqueFd connection, Events events);

  void begin();
  [[nodiscard]] bool has_asked() const noexcept { return asked_; }
  /// "process 17", for a person.
  [[nodiscard]] const std::string& who() const noexcept { return who_; }
  /// Once it has asked.
  void give(std::vector<TakenSocket> sockets);
  /// Says so, and closes.
  void refuse(const std::string& reason);
  /// No event comes after that.
  void close();

 private:
  void read();
  void on_readable();
  void on_message(const TakeOverMessage& message);
  void send_rest();
  void end(std::string_view why);

  asio::posix::stream_descriptor connection_;
  asio::steady_timer patience_;
  const Events events_;
  const std::string who_;
  std::vector<TakenSocket> to_send_;
  std::vector<ListenAddress> kept_;
  bool asked_ = false;
  bool given_ = false;
  bool serves_ = false;
};

}  // namespace weir::server
