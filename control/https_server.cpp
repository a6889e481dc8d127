// SPDX-License-Identifier: Apache-2.0
#include "control/https_server.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/v6_only.hpp>

#include "control/https_connection.hpp"

namespace weir::control {
namespace {

using asio::ip::tcp;

constexpr int kBacklog = 512;
constexpr std::chrono::milliseconds kRest{100};  // where accept fails: out of descriptors, mostly
constexpr std::chrono::seconds kLongestEnd{15};

tcp::endpoint endpoint_of(const Endpoint& address) {
  return {asio::ip::make_address(address.address.to_string()), address.port};
}

class Server final : public HttpsServer {
 public:
  Server(asio::io_context& io, TlsContext context, Handler handler)
      : acceptor_(io), timer_(io), context_(std::move(context)) {
    shared_.handler = std::move(handler);
    shared_.none_left = [this] { end(); };
  }

  Result<void> listen(const Endpoint& address) {
    tcp::endpoint endpoint = endpoint_of(address);
    std::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (error == asio::error::address_family_not_supported && address.address.is_any()) {
      endpoint = {tcp::v4(), address.port};
      acceptor_.open(endpoint.protocol(), error);
    }
    if (error) return failed(address, "socket", error);
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (endpoint.protocol() == tcp::v6() && address.address.is_any())
      acceptor_.set_option(asio::ip::v6_only(false), error);
    acceptor_.bind(endpoint, error);
    if (error) return failed(address, "bind", error);
    acceptor_.listen(kBacklog, error);
    if (error) return failed(address, "listen", error);
    acceptor_.non_blocking(true, error);
    accept();
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override {
    std::error_code error;
    return acceptor_.local_endpoint(error).port();
  }
  [[nodiscard]] const Counts& counts() const override { return shared_.counts; }
  void use(TlsContext context) override { context_ = std::move(context); }

  void begin_to_leave() override { shared_.leaving = true; }

  void finish(std::function<void()> finished) override {
    finished_ = std::move(finished);
    accept_the_waiting();
    std::error_code ignored;
    acceptor_.close(ignored);
    shared_.leaving = shared_.finishing = true;
    const auto all = shared_.connections;
    for (HttpsConnection* one : all)
      if (one->is_idle()) one->end();
    timer_.expires_after(shared_.connections.empty() ? std::chrono::seconds(0) : kLongestEnd);
    timer_.async_wait([this](std::error_code error) {
      if (!error) end();
    });
  }

 private:
  static Error failed(const Endpoint& address, const char* what, const std::error_code& error) {
    return Error{"webhook address '" + address.to_string() + "': " + what + ": " + error.message(),
                 error.value()};
  }

  void accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || shared_.finishing) return;
      if (error) return rest();
      begin(std::move(socket));
      accept();
    });
  }

  void rest() {
    timer_.expires_after(kRest);
    timer_.async_wait([this](std::error_code error) {
      if (!error && !shared_.finishing) accept();
    });
  }

  void begin(tcp::socket socket) {
    if (shared_.connections.size() >= kMostConnections) {
      ++shared_.counts.crowded_out;
      shared_.connections.front()->end();
    }
    std::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::make_shared<HttpsConnection>(shared_, std::move(socket), context_)->start();
  }

  /// Closing the listening socket would reset those whose connection the kernel has accepted.
  void accept_the_waiting() {
    std::error_code error;
    while (!error) {
      tcp::socket socket = acceptor_.accept(error);
      if (!error) begin(std::move(socket));
    }
  }

  void end() {
    timer_.cancel();
    if (auto finished = std::exchange(finished_, nullptr)) finished();
  }

  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  TlsContext context_;
  HttpsShared shared_;
  std::function<void()> finished_;
};

}  // namespace

Result<std::unique_ptr<HttpsServer>> HttpsServer::start(asio::io_context& io,
                                                        const Endpoint& address, TlsContext context,
                                                        Handler handler) {
  auto server = std::make_unique<Server>(io, std::move(context), std::move(handler));
  TRY_VOID(server->listen(address));
  return std::unique_ptr<HttpsServer>(std::move(server));
}

}  // namespace weir::control
