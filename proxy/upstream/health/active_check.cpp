// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/active_check.hpp"

#include <cstring>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/write.hpp>

#include "common/socket_options.hpp"
#include "proxy/upstream/connector.hpp"

namespace weir::upstream {

ActiveCheck::ActiveCheck(Shared& shared, std::shared_ptr<const Host> host)
    : shared_(&shared),
      host_(std::move(host)),
      state_(shared.check),
      interval_(shared.io),
      timeout_(shared.io),
      socket_(shared.io) {}

void ActiveCheck::start() {
  const auto most = shared_->check.initial_jitter.count();
  schedule(std::chrono::milliseconds(
      most <= 0
          ? 0
          : static_cast<std::int64_t>(shared_->random.next() % static_cast<std::uint64_t>(most))));
}

void ActiveCheck::stop() {
  close();
  interval_.cancel();
  timeout_.cancel();
  shared_ = nullptr;
}

void ActiveCheck::schedule(std::chrono::milliseconds delay) {
  interval_.expires_after(delay);
  interval_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error && !self->stopped()) self->check();
  });
}

template <class Handler>
auto ActiveCheck::guarded(Handler&& handler) {
  return [self = shared_from_this(), connection = connection_,
          handler = std::forward<Handler>(handler)](auto... arguments) {
    if (!self->stopped() && self->connection_ == connection) handler(*self, arguments...);
  };
}

void ActiveCheck::check() {
  shared_->stats.attempt.add();
  under_way_ = true;
  timeout_.expires_after(shared_->check.timeout);
  timeout_.async_wait([self = shared_from_this()](const std::error_code& error) {
    const bool due = self->timeout_.expiry() <= asio::steady_timer::clock_type::now();
    if (!error && due && !self->stopped() && self->under_way_) self->on_timeout();
  });
  if (protocol_ == nullptr)
    connect();
  else
    send(protocol_->begin());
}

void ActiveCheck::connect() {
  UpstreamAddress address = host_->address;
  if (shared_->check.port) address.endpoint.port = *shared_->check.port;
  auto attempt =
      begin_connect(address, {shared_->cluster->bind_source, shared_->cluster->freebind, {}});
  if (attempt.failure) return finish(network(std::move(attempt.failure->error.message)));
  const bool v4 = address.endpoint.address.family() == IpFamily::v4;
  std::error_code error;
  socket_.assign(v4 ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), attempt.socket.get(), error);
  if (error) return finish(network("socket: " + error.message()));
  static_cast<void>(attempt.socket.release());
  protocol_ = make_check_protocol(*shared_->cluster, shared_->check);
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     guarded([](ActiveCheck& self, const std::error_code& failed) {
                       if (!failed) self.on_connected();
                     }));
}

void ActiveCheck::on_connected() {
  if (const int error = take_socket_error(socket_.native_handle()); error != 0)
    return finish(network(std::string("connect: ") + std::strerror(error)));
  if (protocol_->connect_is_enough()) {
    finish({CheckResult::Kind::passed, {}, false});
    return;
  }
  send(protocol_->begin());
  read();
}

void ActiveCheck::send(std::string bytes) {
  waiting_ += bytes;
  if (outgoing_.empty()) write_some();
}

void ActiveCheck::write_some() {
  outgoing_ = std::exchange(waiting_, {});
  if (outgoing_.empty()) return;
  asio::async_write(socket_, asio::buffer(outgoing_),
                    guarded([](ActiveCheck& self, const std::error_code& error, std::size_t) {
                      self.outgoing_.clear();
                      if (!error) return self.write_some();
                      if (self.under_way_) self.finish(network("send: " + error.message()));
                    }));
}

void ActiveCheck::read() {
  socket_.async_read_some(
      asio::buffer(incoming_),
      guarded([](ActiveCheck& self, const std::error_code& error, std::size_t size) {
        // Between two checks the host may close; what it says then is the protocol's business.
        if (!self.under_way_ && error) return self.close();
        if (error == asio::error::eof) return self.finish(self.protocol_->closed());
        if (error) return self.finish(network("read: " + error.message()));
        self.take(size);
      }));
}

void ActiveCheck::take(std::size_t size) {
  const auto connection = connection_;
  const bool expected = under_way_;
  const auto result = protocol_->feed({incoming_.data(), size});
  if (auto bytes = protocol_->take_output(); !bytes.empty()) send(std::move(bytes));
  if (result && expected)
    finish(*result);
  else if (result || (!expected && !protocol_->keeps_open()))
    close();
  if (!stopped() && connection_ == connection) read();
}

void ActiveCheck::on_timeout() {
  finish({CheckResult::Kind::timeout,
          "no answer within " + std::to_string(shared_->check.timeout.count()) + " ms", false});
}

void ActiveCheck::fail_now() {
  const CheckResult result{CheckResult::Kind::passive, "it says so in its answers", true};
  shared_->stats.failure.add();
  shared_->stats.passive_failure.add();
  const bool first = state_.is_new();
  const auto transition = state_.apply(host_->health, result);
  shared_->on_result(host_, transition, result, first);
}

void ActiveCheck::finish(const CheckResult& result) {
  using Kind = CheckResult::Kind;
  under_way_ = false;
  timeout_.cancel();
  const bool answered = result.kind != Kind::network && result.kind != Kind::timeout;
  const bool keep = answered && shared_->check.reuse_connection && protocol_ != nullptr &&
                    !protocol_->connect_is_enough() && protocol_->keeps_open();
  if (!keep) close();
  const bool passed = result.kind == Kind::passed || result.kind == Kind::degraded;
  (passed ? shared_->stats.success : shared_->stats.failure).add();
  if (!answered) shared_->stats.network_failure.add();
  const bool first = state_.is_new();
  const auto transition = state_.apply(host_->health, result);
  schedule(
      check_delay(shared_->check, !passed, transition, shared_->has_traffic(), shared_->random));
  shared_->on_result(host_, transition, result, first);
}

void ActiveCheck::close() {
  ++connection_;
  std::error_code ignored;
  socket_.close(ignored);
  protocol_.reset();
  outgoing_.clear();
  waiting_.clear();
}

CheckResult ActiveCheck::network(std::string reason) {
  return {CheckResult::Kind::network, std::move(reason), false};
}

}  // namespace weir::upstream
