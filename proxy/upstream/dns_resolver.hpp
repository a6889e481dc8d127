// SPDX-License-Identifier: Apache-2.0
// DnsResolver: names to addresses on the main thread, without blocking it and without
// getaddrinfo(3).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"
#include "proxy/config/cluster_config.hpp"

namespace asio {
class io_context;
}

namespace weir::upstream {

struct DnsOptions {
  std::vector<Endpoint> servers;              // empty = /etc/resolv.conf
  std::chrono::milliseconds per_try{0};       // 0 = /etc/resolv.conf, else 5 s
  std::chrono::milliseconds deadline{15000};  // for the whole lookup, whatever the servers do
};

/// What a lookup found. No addresses = the name exists but has none of the wanted families
/// (NOERROR, empty).
struct DnsAnswer {
  std::vector<IpAddress> addresses;  // in the order of the answer, no duplicates
  std::chrono::seconds ttl{0};       // smallest of the answer; 0 = none (/etc/hosts, literal)
};

/// A lookup that runs. Destroying it cancels: the callback is not called any more.
class DnsQuery {
 public:
  DnsQuery() = default;
  DnsQuery(DnsQuery&&) noexcept = default;
  DnsQuery& operator=(DnsQuery&& other) noexcept;
  ~DnsQuery();
  struct State;
  explicit DnsQuery(std::shared_ptr<State> state);

 private:
  std::shared_ptr<State> state_;
};

/// Runs lookups with c-ares: /etc/hosts first, then the servers and search domains of
/// /etc/resolv.conf. Main thread only. Destroying the resolver cancels every lookup.
class DnsResolver {
 public:
  /// Called once, never from inside resolve(). Error: NXDOMAIN, SERVFAIL, time-out …, reads "dns
  /// 'name': reason".
  using Callback = std::function<void(Result<DnsAnswer>)>;

  DnsResolver(asio::io_context& io, DnsOptions options);
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;
  ~DnsResolver();

  /// `automatic` asks for IPv6 and, when that yields nothing, IPv4; `v4_preferred` the other way
  /// round; `all` asks for both. An IP literal answers itself.
  [[nodiscard]] DnsQuery resolve(const std::string& name, config::DnsLookupFamily family,
                                 Callback callback);

 private:
  class Channel;
  std::shared_ptr<Channel> channel_;
};

}  // namespace weir::upstream
