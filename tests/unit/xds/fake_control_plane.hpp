// SPDX-License-Identifier: Apache-2.0
// FakeControlPlane: a gRPC server on loopback that says what a test tells it to.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include "proxy/xds/grpc_frames.hpp"
#include "tests/unit/http/http2_endpoint.hpp"

namespace weir::xds {

/// Serves one connection at a time: a new one takes the place of the one before.
class FakeControlPlane {
 public:
  explicit FakeControlPlane(asio::io_context& io, std::uint16_t port = 0)
      : acceptor_(io, {asio::ip::address_v4::loopback(), port}) {
    accept();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// Messages of the connection's stream so far; taken.
  std::vector<std::string> take_requests() {
    return connection_ ? std::exchange(connection_->requests, {}) : std::vector<std::string>{};
  }
  void send(const std::string& message) { send_raw(grpc_prefix(message.size()) + message); }
  void send_raw(const std::string& bytes) {
    connection_->http2.session.submit_data(1, http::bytes_of(bytes), false);
    connection_->write();
  }
  void end_stream(std::string_view status, std::string_view text) {
    auto& http2 = connection_->http2;
    http2.session.submit_trailers(1,
                                  http2.fields({{"grpc-status", status}, {"grpc-message", text}}));
    connection_->write();
  }
  void close_connection() { std::exchange(connection_, nullptr)->close(); }
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  [[nodiscard]] std::string path() const {
    return std::string(connection_->http2.streams.at(1).maps.front().get(":path"));
  }

  int accepted = 0;
  bool deaf = false;  // what arrives is not read

 private:
  struct Connection : std::enable_shared_from_this<Connection> {
    Connection(asio::ip::tcp::socket connected, const bool& is_deaf)
        : socket(std::move(connected)), deaf(is_deaf) {}

    void read() {
      if (deaf) return;
      socket.async_read_some(
          asio::buffer(incoming),
          [self = shared_from_this()](const std::error_code& error, std::size_t size) {
            if (error || !self->socket.is_open()) return;
            self->http2.input({self->incoming.data(), size});
            self->look();
            self->write();
            self->read();
          });
    }
    void look() {
      auto& seen = http2.streams[1];
      if (!seen.kinds.empty() && !answered) {
        answered = true;
        http2.session.submit_headers(
            1, http2.fields({{":status", "200"}, {"content-type", "application/grpc"}}), false);
      }
      if (!decoder.feed(std::exchange(seen.body, {}), requests)) close();
    }
    void write() {
      if (!outgoing.empty() || !socket.is_open()) return;
      outgoing = http2.output();
      if (outgoing.empty()) return;
      asio::async_write(socket, asio::buffer(outgoing),
                        [self = shared_from_this()](const std::error_code& error, std::size_t) {
                          self->outgoing.clear();
                          if (!error) self->write();
                        });
    }
    void close() {
      std::error_code ignored;
      socket.close(ignored);
    }

    asio::ip::tcp::socket socket;
    const bool& deaf;
    http::Http2Endpoint http2{http::Http2Endpoint::Role::server};
    GrpcDecoder decoder;
    std::vector<std::string> requests;
    std::array<char, 65536> incoming;
    std::string outgoing;
    bool answered = false;
  };

  void accept() {
    acceptor_.async_accept([this](const std::error_code& error, asio::ip::tcp::socket socket) {
      if (error) return;
      ++accepted;
      connection_ = std::make_shared<Connection>(std::move(socket), deaf);
      connection_->read();
      accept();
    });
  }

  asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace weir::xds
