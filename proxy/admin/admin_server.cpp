// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/admin_server.hpp"

#include <cstring>
#include <set>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "common/log.hpp"
#include "common/socket_address.hpp"
#include "proxy/admin/admin_connection.hpp"

namespace weir::admin {
namespace {

/// Without descriptors accept fails at once, again and again: look later.
constexpr std::chrono::milliseconds kAcceptPause{100};

asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
  const SocketAddress address(endpoint);
  asio::ip::tcp::endpoint out;
  std::memcpy(out.data(), &address.generic, address.length);
  out.resize(address.length);
  return out;
}

}  // namespace

class AdminServer::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& io, AdminSource& source) : acceptor_(io), pause_(io), source_(source) {}

  Result<void> listen(const ListenAddress& address);
  Result<void> adopt(UniqueFd socket);
  [[nodiscard]] UniqueFd duplicate();
  void leave_to_other();
  void close();
  [[nodiscard]] ListenAddress address() const { return address_; }

 private:
  Result<void> begin();
  void accept();
  void on_accept(const std::error_code& error, asio::ip::tcp::socket socket);
  void accept_later();

  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  AdminSource& source_;
  ListenAddress address_;
  bool loopback_only_ = false;
  bool accepting_ = false;
  bool closed_ = false;
  std::set<std::shared_ptr<AdminConnection>> connections_;
};

Result<void> AdminServer::Core::listen(const ListenAddress& address) {
  const asio::ip::tcp::endpoint wanted = to_asio(address.endpoint);
  std::error_code error;
  const auto failed = [&](const char* step) {
    const Error out{"admin address '" + address.to_string() + "': " + step + ": " + error.message(),
                    error.value()};
    close();
    return out;
  };
  if (acceptor_.open(wanted.protocol(), error); error) return failed("socket");
  acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (acceptor_.bind(wanted, error); error) return failed("bind");
  if (acceptor_.listen(asio::socket_base::max_listen_connections, error); error)
    return failed("listen");
  return begin();
}

Result<void> AdminServer::Core::begin() {
  TRY(const Endpoint bound, local_endpoint(acceptor_.native_handle()));
  address_ = ListenAddress{bound};
  loopback_only_ = bound.address.is_loopback();
  closed_ = false;
  accept();
  return {};
}

Result<void> AdminServer::Core::adopt(UniqueFd socket) {
  TRY(const Endpoint bound, local_endpoint(socket.get()));
  std::error_code error;
  acceptor_.assign(to_asio(bound).protocol(), socket.get(), error);
  if (error)
    return Error{"admin address '" + bound.to_string() + "': assign: " + error.message(),
                 error.value()};
  static_cast<void>(socket.release());
  return begin();
}

UniqueFd AdminServer::Core::duplicate() {
  if (!acceptor_.is_open()) return {};
  return weir::duplicate(acceptor_.native_handle());
}

void AdminServer::Core::leave_to_other() {
  if (!acceptor_.is_open()) return;
  // asio leaves it to close(2) to end its interest in the descriptor, which does not help where
  // another process has the socket, too.
  std::error_code ignored;
  ::close(acceptor_.release(ignored));
  pause_.cancel();
}

void AdminServer::Core::close() {
  closed_ = true;
  leave_to_other();
  const auto connections = std::exchange(connections_, {});
  for (const auto& connection : connections) connection->close();
}

void AdminServer::Core::accept() {
  if (accepting_ || !acceptor_.is_open() || connections_.size() >= kMaxConnections) return;
  accepting_ = true;
  acceptor_.async_accept(
      [self = shared_from_this()](const std::error_code& error, asio::ip::tcp::socket socket) {
        self->accepting_ = false;
        const bool left = !self->acceptor_.is_open();  // this one may have come before
        if (!self->closed_ && !(left && error)) self->on_accept(error, std::move(socket));
      });
}

void AdminServer::Core::on_accept(const std::error_code& error, asio::ip::tcp::socket socket) {
  if (error) {
    log::warning(log::Component::admin, "admin address '{}': accept: {}", address_.to_string(),
                 error.message());
    return accept_later();
  }
  auto connection =
      std::make_shared<AdminConnection>(std::move(socket), source_, loopback_only_,
                                        [weak = weak_from_this()](AdminConnection* closed) {
                                          const auto self = weak.lock();
                                          if (!self) return;
                                          self->connections_.erase(closed->shared_from_this());
                                          self->accept();
                                        });
  connections_.insert(connection);
  connection->start();
  accept();
}

void AdminServer::Core::accept_later() {
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error) self->accept();
  });
}

AdminServer::AdminServer(asio::io_context& io, AdminSource& source)
    : core_(std::make_shared<Core>(io, source)) {}

AdminServer::~AdminServer() { core_->close(); }

Result<void> AdminServer::listen(const ListenAddress& address) { return core_->listen(address); }

Result<void> AdminServer::adopt(UniqueFd socket) { return core_->adopt(std::move(socket)); }

UniqueFd AdminServer::duplicate() const { return core_->duplicate(); }

void AdminServer::leave_to_other() { core_->leave_to_other(); }

ListenAddress AdminServer::address() const { return core_->address(); }

void AdminServer::close() { core_->close(); }

}  // namespace weir::admin
