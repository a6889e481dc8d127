// SPDX-License-Identifier: Apache-2.0
// GrpcServer: gRPC streams as events on the main thread. The only place, with fetch_client.cpp,
// that knows gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/result.hpp"

namespace asio {
class io_context;
}

namespace weir::control {

/// Why a call ends; the numbers are gRPC's.
enum class CallStatus : std::uint8_t {
  ok = 0,
  invalid_argument = 3,
  resource_exhausted = 8,
  unimplemented = 12
};

/// What happens to calls. On the main thread; each call is opened once and closed once.
struct CallEvents {
  /// False refuses the call: there is no such method.
  std::function<bool(std::uint64_t call, const std::string& path, const std::string& peer)> opened;
  std::function<void(std::uint64_t call, const std::string& message)> received;
  std::function<void(std::uint64_t call)> closed;
};

class GrpcServer {
 public:
  /// A client that reads slower than its configuration changes is let go when this many messages
  /// wait for it.
  static constexpr std::size_t kMostWaiting = 256;

  /// `io` runs the main thread. Error: "listen 'address': ...".
  static Result<std::unique_ptr<GrpcServer>> start(asio::io_context& io, const std::string& address,
                                                   CallEvents events);
  virtual ~GrpcServer() = default;
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  [[nodiscard]] virtual int port() const = 0;
  /// Main thread. A call that is gone is nobody.
  virtual void send(std::uint64_t call, std::string message) = 0;
  /// Ends the call after what is to be sent before.
  virtual void finish(std::uint64_t call, CallStatus status, std::string message) = 0;

 protected:
  GrpcServer() = default;
};

}  // namespace weir::control
