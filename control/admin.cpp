// SPDX-License-Identifier: Apache-2.0
#include "control/admin.hpp"

#include <chrono>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

namespace weir::control {
namespace {

using asio::ip::tcp;

constexpr std::size_t kLargestRequest = 4096;
constexpr std::size_t kMostConnections = 16;
constexpr std::chrono::seconds kLongest{5};

tcp::endpoint endpoint_of(const Endpoint& address) {
  return {asio::ip::make_address(address.address.to_string()), address.port};
}

std::string response(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\nconnection: close\r\n\r\n" + std::string(body);
}

/// One connection, one request.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::function<std::string()> status, std::shared_ptr<int> count)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        status_(std::move(status)),
        count_(std::move(count)) {
    ++*count_;
  }
  ~Connection() { --*count_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run() {
    timer_.expires_after(kLongest);
    timer_.async_wait([weak = weak_from_this()](std::error_code error) {
      const auto self = weak.lock();
      std::error_code ignored;
      if (!error && self != nullptr) self->socket_.close(ignored);
    });
    asio::async_read_until(socket_, asio::dynamic_buffer(request_, kLargestRequest), "\r\n\r\n",
                           [self = shared_from_this()](std::error_code error, std::size_t) {
                             if (!error) self->answer();
                           });
  }

 private:
  void answer() {
    if (request_.starts_with("GET /status "))
      response_ = response("200 OK", status_());
    else if (request_.starts_with("GET /ready "))
      response_ = response("200 OK", "LIVE\n");
    else
      response_ = response("404 Not Found", "GET /status or GET /ready\n");
    asio::async_write(
        socket_, asio::buffer(response_),
        [self = shared_from_this()](std::error_code, std::size_t) { self->timer_.cancel(); });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  std::function<std::string()> status_;
  std::shared_ptr<int> count_;
  std::string request_, response_;
};

class Listener final : public AdminPort {
 public:
  Listener(asio::io_context& io, std::function<std::string()> status)
      : acceptor_(io), status_(std::move(status)) {}

  Result<void> listen(const Endpoint& address) {
    const auto failed = [&](const char* what, const std::error_code& error) {
      return Error{"admin address '" + address.to_string() + "': " + what + ": " + error.message(),
                   error.value()};
    };
    const tcp::endpoint endpoint = endpoint_of(address);
    std::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (error) return failed("socket", error);
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor_.bind(endpoint, error);
    if (error) return failed("bind", error);
    acceptor_.listen(static_cast<int>(kMostConnections), error);
    if (error) return failed("listen", error);
    accept();
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override {
    std::error_code error;
    return acceptor_.local_endpoint(error).port();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error && *count_ < static_cast<int>(kMostConnections))
        std::make_shared<Connection>(std::move(socket), status_, count_)->run();
      accept();
    });
  }

  tcp::acceptor acceptor_;
  std::function<std::string()> status_;
  std::shared_ptr<int> count_ = std::make_shared<int>(0);
};

}  // namespace

Result<std::unique_ptr<AdminPort>> AdminPort::start(asio::io_context& io, const Endpoint& address,
                                                    std::function<std::string()> status) {
  auto port = std::make_unique<Listener>(io, std::move(status));
  TRY_VOID(port->listen(address));
  return std::unique_ptr<AdminPort>(std::move(port));
}

Result<std::string> ask_status(const Endpoint& address) {
  const auto failed = [&](const std::string& why) {
    return Error{"admin address '" + address.to_string() + "': " + why +
                 "; is weir-control running?"};
  };
  asio::io_context io;
  tcp::socket socket(io);
  std::error_code error;
  socket.connect(endpoint_of(address), error);
  if (error) return failed(error.message());
  constexpr std::string_view kRequest = "GET /status HTTP/1.1\r\nhost: localhost\r\n\r\n";
  asio::write(socket, asio::buffer(kRequest), error);
  std::string text;
  if (!error) asio::read(socket, asio::dynamic_buffer(text), error);
  const std::size_t head = text.find("\r\n\r\n");
  if (error != asio::error::eof || head == std::string::npos || !text.starts_with("HTTP/1.1 200"))
    return failed("no answer");
  return text.substr(head + 4);
}

}  // namespace weir::control
