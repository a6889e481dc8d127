// SPDX-License-Identifier: Apache-2.0
// The admin port: one GET, one text; and the question to it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace asio {
class io_context;
}

namespace weir::control {

/// Answers `GET /status` with what `status` returns and `GET /ready` with "LIVE". Bounded: 16
/// connections, 4 KiB of request, 5 s each.
class AdminPort {
 public:
  /// `io` outlives it. Error: "admin address 'a:p': bind: reason".
  static Result<std::unique_ptr<AdminPort>> start(asio::io_context& io, const Endpoint& address,
                                                  std::function<std::string()> status);
  virtual ~AdminPort() = default;
  AdminPort(const AdminPort&) = delete;
  AdminPort& operator=(const AdminPort&) = delete;

  [[nodiscard]] virtual std::uint16_t port() const = 0;

 protected:
  AdminPort() = default;
};

/// The body of GET /status of a running weir-control.
Result<std::string> ask_status(const Endpoint& address);

}  // namespace weir::control
