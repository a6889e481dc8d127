// SPDX-License-Identifier: Apache-2.0
// HttpsServer: HTTP/1.1 over TLS on the main thread, one handler for all requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "common/ip.hpp"
#include "common/result.hpp"
#include "control/key_pair.hpp"
#include "proxy/admin/http_message.hpp"

namespace weir::control {

/// Whoever sends slowly, or much, or does not end, is let go: nobody else waits for them.
class HttpsServer {
 public:
  static constexpr std::size_t kMostConnections = 512;
  static constexpr std::size_t kLargestBody = std::size_t{8} << 20;
  /// Of all connections together; a request beyond it gets 503.
  static constexpr std::size_t kMostBodies = std::size_t{64} << 20;

  /// Called once a request, and answers it at once. What it throws ends the program.
  using Handler = std::function<admin::Response(const admin::Request&)>;

  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t failed_handshakes = 0;
    std::uint64_t too_slow = 0;     // connections that were ended by a deadline
    std::uint64_t crowded_out = 0;  // connections that were ended for a newer one
  };

  /// `io` outlives it, and it outlives the last handler that `io` runs. An address of `[::]` takes
  /// IPv4 as well, and is 0.0.0.0 where there is no IPv6. Error: "webhook address 'a:p': bind:
  /// reason".
  static Result<std::unique_ptr<HttpsServer>> start(asio::io_context& io, const Endpoint& address,
                                                    TlsContext context, Handler handler);
  virtual ~HttpsServer() = default;
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual const Counts& counts() const = 0;
  /// For connections that come from now on; those that are there keep theirs.
  virtual void use(TlsContext context) = 0;
  /// From now on each answer is its connection's last: clients go elsewhere next time.
  virtual void begin_to_leave() = 0;
  /// Takes no further connections, answers what has begun, then calls back; bounded in time.
  virtual void finish(std::function<void()> finished) = 0;

 protected:
  HttpsServer() = default;
};

}  // namespace weir::control
