// SPDX-License-Identifier: Apache-2.0
// AdminServer: a small HTTP/1.1 server on the main thread's event loop.
#pragma once

#include <cstddef>
#include <memory>

#include "common/addresses.hpp"
#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/admin/admin_source.hpp"

namespace asio {
class io_context;
}

namespace weir::admin {

/// Bounded: at most 64 connections, 16 KiB of request head, 10 s for a request to arrive. Bound to
/// loopback it answers only requests that name loopback as their host.
class AdminServer {
 public:
  static constexpr std::size_t kMaxConnections = 64;

  /// Both outlive the server.
  AdminServer(asio::io_context& io, AdminSource& source);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  ~AdminServer();  // closes everything

  /// Binds and begins to accept. Error reads "admin address 'a:p': bind: reason", with errno.
  Result<void> listen(const ListenAddress& address);
  /// Goes on with a socket that listens already, as another process has left it.
  Result<void> adopt(UniqueFd socket);
  /// A duplicate of the listening socket. Empty: there is none.
  [[nodiscard]] UniqueFd duplicate() const;
  /// Another process answers from now on; connections that are there are answered still.
  void leave_to_other();
  /// Where it listens, port 0 resolved. Valid after listen().
  [[nodiscard]] ListenAddress address() const;
  /// Closes the listening socket and every connection.
  void close();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace weir::admin
