// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/stream_transport.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>

#include "common/socket_options.hpp"
#include "proxy/tcp/keep_alive.hpp"
#include "proxy/upstream/connector.hpp"

namespace weir::xds {
namespace {

constexpr std::size_t kReadSize = std::size_t{32} * 1024;

}  // namespace

// Counters of requests, which least_request looks at, belong to workers: hosts take turns.
StreamTransport::StreamTransport(asio::io_context& io, DiscoveryStream& stream,
                                 const ClusterView& cluster, GrpcRequest request,
                                 std::uint64_t seed)
    : io_(io),
      stream_(&stream),
      cluster_(&cluster),
      request_(std::move(request)),
      random_(seed),
      balancer_(config::LbPolicy::round_robin, 1, 0),
      timer_(io),
      connection_timer_(io),
      socket_(io) {
  if (request_.authority.empty()) request_.authority = cluster.name();
}

void StreamTransport::stop() {
  close();
  timer_.cancel();
  stream_ = nullptr;
}

/// Wraps a handler: it runs only when the connection is still the one it was made for.
template <class Handler>
auto StreamTransport::guarded(Handler&& handler) {
  return [self = shared_from_this(), connection = connection_,
          handler = std::forward<Handler>(handler)](auto... arguments) {
    if (!self->stopped() && self->connection_ == connection) handler(*self, arguments...);
  };
}

void StreamTransport::wake() {
  if (std::exchange(awake_, true)) return;
  asio::post(io_, [self = shared_from_this()] {
    self->awake_ = false;
    if (!self->stopped()) self->pump();
  });
}

void StreamTransport::cluster_changed() {
  cluster_changed_ = true;
  wake();
}

void StreamTransport::pump() {
  if (std::exchange(cluster_changed_, false)) follow_cluster();
  stream_->on_time(Clock::now());
  if (call_ != nullptr) exchange_messages();
  if (call_ == nullptr && !connecting_ && stream_->wants_connection(Clock::now())) connect();
  arm_timer();
}

/// Why the connection is not as one would be now; "" when it is.
std::string StreamTransport::outdated() const {
  const auto config = cluster_->config();
  if (config == nullptr) return "the cluster was removed";
  if (config != config_) return "the cluster was changed";
  const auto& hosts = cluster_->hosts()->hosts;
  if (std::find(hosts.begin(), hosts.end(), host_) == hosts.end())
    return "its host has left the cluster";
  return {};
}

void StreamTransport::follow_cluster() {
  if (call_ == nullptr && !connecting_) {
    const auto config = cluster_->config();
    // What has failed is tried again at once only when there is something new to try.
    if (config != config_ || (config != nullptr && cluster_->hosts() != hosts_))
      stream_->retry_now();
    return;
  }
  const std::string reason = outdated();
  if (reason.empty()) return;
  failed_.reset();
  drop(reason);
  stream_->retry_now();
}

void StreamTransport::connect() {
  if (auto opened = open_socket(); !opened) return drop(opened.error().message);
  connecting_ = true;
  connection_timer_.expires_after(config_->connect_timeout);
  connection_timer_.async_wait(guarded([](StreamTransport& self, const std::error_code& error) {
    if (!error && self.connecting_) self.on_connect_timeout();
  }));
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     guarded([](StreamTransport& self, const std::error_code& error) {
                       if (!error) self.on_connected();
                     }));
}

Result<void> StreamTransport::open_socket() {
  const std::string what = "cluster '" + cluster_->name() + "'";
  config_ = cluster_->config();
  hosts_ = config_ == nullptr ? nullptr : cluster_->hosts();
  if (config_ == nullptr) return Error{what + ": there is none of this name"};
  host_ = balancer_.pick(hosts_, random_, failed_.get());
  if (host_ == nullptr) return Error{what + ": it has no host that could be asked"};
  auto attempt =
      upstream::begin_connect(host_->address, {config_->bind_source, config_->freebind, {}});
  if (attempt.failure) return std::move(attempt.failure->error);
  const int fd = attempt.socket.get();
  TRY_VOID(set_no_delay(fd, true));
  TRY_VOID(set_keep_alive(fd, config_->keep_alive.value_or(tcp::kKeepAlive)));
  const bool v4 = host_->address.endpoint.address.family() == IpFamily::v4;
  std::error_code error;
  socket_.assign(v4 ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), fd, error);
  if (error) return Error{"socket: " + error.message(), error.value()};
  static_cast<void>(attempt.socket.release());
  return {};
}

void StreamTransport::on_connected() {
  if (const int error = take_socket_error(socket_.native_handle()); error != 0)
    return drop("connect '" + host_->address.to_string() + "': " + std::strerror(error));
  connecting_ = false;
  connection_timer_.cancel();
  call_ = std::make_unique<GrpcCall>(request_, config_->http2);
  incoming_ = std::make_unique<char[]>(kReadSize);
  stream_->on_open();
  arm_ping();
  pump();
}

void StreamTransport::on_connect_timeout() {
  drop("connect '" + host_->address.to_string() + "': no answer within " +
       std::to_string(config_->connect_timeout.count()) + " ms");
}

void StreamTransport::exchange_messages() {
  const auto connection = connection_;
  send_requests();
  while (stream_->takes_messages()) {
    auto message = call_->next_message();
    if (!message) {
      if (call_->end()) return drop("the stream has ended: " + call_->end()->text);
      break;
    }
    failed_.reset();
    const auto taken = stream_->on_message(*std::move(message), Clock::now());
    if (connection_ != connection) return;
    if (!taken) return drop(taken.error().message);
    send_requests();
  }
  write_some();
  if (call_ != nullptr && stream_->takes_messages()) read();
}

void StreamTransport::send_requests() {
  while (!call_->congested() && !call_->end()) {
    const auto request = stream_->next_request(Clock::now());
    if (!request) return;
    call_->send(*request);
  }
}

void StreamTransport::write_some() {
  if (writing_) return;
  outgoing_ = call_->output(Clock::now());
  if (outgoing_.empty()) return;
  writing_ = true;
  asio::async_write(socket_, asio::buffer(outgoing_),
                    guarded([](StreamTransport& self, const std::error_code& error, std::size_t) {
                      self.writing_ = false;
                      // What the peer has said last is still to be read.
                      if (error) self.call_->closed("write: " + error.message());
                      self.pump();
                    }));
}

void StreamTransport::read() {
  if (std::exchange(reading_, true)) return;
  socket_.async_read_some(
      asio::buffer(incoming_.get(), kReadSize),
      guarded([](StreamTransport& self, const std::error_code& error, std::size_t size) {
        self.reading_ = false;
        if (!error)
          self.call_->receive({self.incoming_.get(), size}, Clock::now());
        else if (error == asio::error::eof)
          self.call_->closed("the control plane closed the connection");
        else
          self.call_->closed("read: " + error.message());
        self.pump();
      }));
}

void StreamTransport::arm_timer() {
  const auto deadline = stream_->deadline();
  if (armed_ == deadline) return;
  armed_ = deadline;
  timer_.cancel();
  if (!deadline) return;
  timer_.expires_at(*deadline);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error && !self->stopped()) self->pump();
  });
}

void StreamTransport::arm_ping() {
  const auto& options = config_->http2;
  if (!options.keepalive_interval) return;
  connection_timer_.expires_after(call_->ping_answered() ? *options.keepalive_interval
                                                         : options.keepalive_timeout);
  connection_timer_.async_wait(guarded([](StreamTransport& self, const std::error_code& error) {
    if (!error && self.call_ != nullptr) self.on_ping_timer();
  }));
}

void StreamTransport::on_ping_timer() {
  // An answer may wait behind what is not read on purpose.
  const bool held_back = !stream_->takes_messages();
  if (!call_->ping_answered() && !held_back) return drop("the control plane answers no ping");
  if (!held_back) call_->ping();
  arm_ping();
  pump();
}

void StreamTransport::drop(std::string_view reason) {
  const std::string why(reason);  // it may be the call's
  failed_ = host_;
  close();
  stream_->on_closed(why, Clock::now());
  wake();
}

void StreamTransport::close() {
  ++connection_;
  std::error_code ignored;
  socket_.close(ignored);
  connection_timer_.cancel();
  call_.reset();
  incoming_.reset();
  outgoing_.clear();
  connecting_ = reading_ = writing_ = false;
}

}  // namespace weir::xds
