// SPDX-License-Identifier: Apache-2.0
// KeepalivePing: connection_keepalive of HTTP/2 (core.v3.KeepaliveSettings), for both sides.
#pragma once

#include <chrono>

#include "proxy/http/protocol_options.hpp"
#include "proxy/io/event_loop.hpp"

namespace weir::http_client {

/// A PING each interval; the peer is gone when none is answered within the timeout. Worker thread;
/// lives in its owner and not longer.
class KeepalivePing final : io::TimerHandler {
 public:
  class Owner {
   public:
    virtual void send_ping() = 0;
    /// The last call: the owner may destroy this in it.
    virtual void on_ping_timeout() = 0;

   protected:
    ~Owner() = default;
  };

  /// `options.keepalive_interval` is set.
  KeepalivePing(io::EventLoop& loop, const http::Http2Options& options, Owner& owner)
      : loop_(loop), options_(options), owner_(owner) {
    loop_.arm(timer_, *options_.keepalive_interval);
  }
  void on_ack() {
    if (!open_) return;
    open_ = false;
    loop_.arm(timer_, *options_.keepalive_interval);
  }

 private:
  void on_timer() override {
    if (open_) {
      owner_.on_ping_timeout();
      return;
    }
    open_ = true;
    loop_.arm(timer_, options_.keepalive_timeout);
    owner_.send_ping();
  }

  io::EventLoop& loop_;
  const http::Http2Options& options_;
  Owner& owner_;
  io::Timer timer_{*this};
  bool open_ = false;
};

}  // namespace weir::http_client
