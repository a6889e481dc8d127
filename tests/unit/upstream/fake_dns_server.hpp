// SPDX-License-Identifier: Apache-2.0
// FakeDnsServer: a DNS server on loopback that answers from a table, on the test's own event loop.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>

#include "common/ip.hpp"

namespace weir::upstream {

/// Runs the loop until `done` holds. @return false when that takes longer than any test should.
template <class Condition>
bool run_until(asio::io_context& io, Condition done) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    io.restart();
    io.run_one_for(std::chrono::seconds(1));
  }
  return true;
}

class FakeDnsServer {
 public:
  static constexpr std::uint16_t kTypeA = 1;
  static constexpr std::uint16_t kTypeAaaa = 28;
  enum Rcode : std::uint8_t { kNoError = 0, kServFail = 2, kNxDomain = 3, kRefused = 5 };
  struct Reply {
    std::vector<std::string> addresses;
    std::uint32_t ttl = 60;
    Rcode rcode = kNoError;
    bool silent = false;
  };

  explicit FakeDnsServer(asio::io_context& io)
      : socket_(io, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    receive();
  }

  [[nodiscard]] Endpoint endpoint() const {
    return {IpAddress::v4(0x7f000001), socket_.local_endpoint().port()};
  }
  /// Both families; names that were never set are NXDOMAIN.
  void set(const std::string& name, Reply v4, Reply v6) {
    replies_[{name, kTypeA}] = std::move(v4);
    replies_[{name, kTypeAaaa}] = std::move(v6);
  }
  [[nodiscard]] int queries(const std::string& name, std::uint16_t type) const {
    const auto found = queries_.find({name, type});
    return found == queries_.end() ? 0 : found->second;
  }

 private:
  using Key = std::pair<std::string, std::uint16_t>;

  void receive() {
    socket_.async_receive_from(asio::buffer(buffer_), peer_,
                               [this](const std::error_code& error, std::size_t size) {
                                 if (error) return;
                                 answer(std::string(buffer_.data(), size));
                                 receive();
                               });
  }

  void answer(const std::string& query) {
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const auto length = static_cast<std::size_t>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
      at += length + 1;
    }
    const auto type = static_cast<std::uint16_t>(query[at + 1] << 8 | query[at + 2]);
    ++queries_[{name, type}];
    const auto found = replies_.find({name, type});
    const Reply reply = found == replies_.end() ? Reply{{}, 0, kNxDomain, false} : found->second;
    if (!reply.silent)
      socket_.send_to(asio::buffer(render(query.substr(0, at + 5), type, reply)), peer_);
  }

  static std::string render(const std::string& question, std::uint16_t type, const Reply& reply) {
    std::string out = question.substr(0, 2);
    out += static_cast<char>(0x81);
    out += static_cast<char>(0x80 | reply.rcode);
    out += std::string("\0\1\0", 3);
    out += static_cast<char>(reply.addresses.size());
    out += std::string(4, '\0');
    out += question.substr(12);
    for (const std::string& text : reply.addresses) {
      const IpAddress address = *IpAddress::parse(text);
      out += std::string("\xc0\x0c\0", 3);
      out += static_cast<char>(type);
      out += std::string("\0\1", 2);
      for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(reply.ttl >> shift);
      out += '\0';
      out += static_cast<char>(address.size());
      out.append(reinterpret_cast<const char*>(address.bytes().data()), address.size());
    }
    return out;
  }

  asio::ip::udp::socket socket_;
  asio::ip::udp::endpoint peer_;
  std::array<char, 512> buffer_{};
  std::map<Key, Reply> replies_;
  std::map<Key, int> queries_;
};

}  // namespace weir::upstream
