// SPDX-License-Identifier: Apache-2.0
// AdminConnection: one client of the admin server.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "proxy/admin/endpoints.hpp"
#include "proxy/admin/request_parser.hpp"

namespace weir::admin {

/// Reads requests one after the other and answers each before it reads the next. Keeps itself alive
/// while an operation is pending; main thread only.
class AdminConnection : public std::enable_shared_from_this<AdminConnection> {
 public:
  using OnClosed = std::function<void(AdminConnection*)>;

  /// `loopback_only`: refuse requests whose Host is not this machine's loopback. `source` outlives
  /// every connection that was not close()d. `on_closed` is called once, not from close().
  AdminConnection(asio::ip::tcp::socket socket, AdminSource& source, bool loopback_only,
                  OnClosed on_closed);

  void start();
  /// Ends it at once; nothing is called any more.
  void close();

 private:
  void read();
  void parse();
  void answer();
  void send(const Response& response, bool keep_alive, bool head);
  void on_sent(bool keep_alive);
  void wait_for_peer();
  void end();
  void arm(std::chrono::milliseconds timeout);

  asio::ip::tcp::socket socket_;
  asio::steady_timer deadline_;
  AdminSource* source_;  // null once closed
  const bool loopback_only_;
  OnClosed on_closed_;
  RequestParser parser_;
  std::array<char, 4096> chunk_;
  std::string unparsed_;
  std::string output_;
  Effect after_sent_;
};

}  // namespace weir::admin
