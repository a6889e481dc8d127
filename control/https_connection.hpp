// SPDX-License-Identifier: Apache-2.0
// HttpsConnection: one client of the HTTPS server, from its handshake to its end.
#pragma once

#include <array>
#include <chrono>
#include <list>
#include <memory>
#include <string>

#include <asio/ip/tcp.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>

#include "control/https_server.hpp"
#include "proxy/admin/request_parser.hpp"

namespace weir::control {

class HttpsConnection;

/// What the connections of one server share. Outlives them.
struct HttpsShared {
  HttpsServer::Handler handler;
  HttpsServer::Counts counts;
  std::size_t body_bytes = 0;  // of requests that are not complete
  /// Whose last complete request (or, without one, whose beginning) is longest ago comes first.
  std::list<HttpsConnection*> connections;
  bool leaving = false;    // each answer is the last
  bool finishing = false;  // nobody is taken any more
  std::function<void()> none_left;
};

/// Holds itself while something is under way. Each phase has a deadline that no client can move.
class HttpsConnection : public std::enable_shared_from_this<HttpsConnection> {
 public:
  HttpsConnection(HttpsShared& shared, asio::ip::tcp::socket socket, TlsContext context);
  ~HttpsConnection();
  HttpsConnection(const HttpsConnection&) = delete;
  HttpsConnection& operator=(const HttpsConnection&) = delete;

  void start();
  /// At once.
  void end();
  /// Between two requests: nobody waits for an answer.
  [[nodiscard]] bool is_idle() const { return is_idle_ && had_request_; }

 private:
  void set_deadline(std::chrono::milliseconds from_now);
  void on_deadline();
  void wait_for_request();
  void read();
  void take(std::size_t size);
  void go_on();
  void count_body();
  void answer(const admin::Response& response, bool keep_alive, bool is_head = false);
  void leave();
  void say_goodbye();
  void discard();

  HttpsShared& shared_;
  const TlsContext context_;
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
  asio::steady_timer timer_;
  admin::RequestParser parser_;
  std::array<char, 16384> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what the parser has not seen
  std::size_t counted_ = 0;          // of body_bytes
  std::size_t discarded_ = 0;
  std::string response_;
  bool is_idle_ = false;  // no byte of a request is here
  bool had_request_ = false;
  bool is_over_ = false;  // nothing more is answered
  bool has_left_ = false;
  std::list<HttpsConnection*>::iterator place_;
};

}  // namespace weir::control
