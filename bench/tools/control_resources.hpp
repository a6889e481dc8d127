// SPDX-License-Identifier: Apache-2.0
// The resources that the benchmark's control plane sends, as serialised messages.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace bench {

// What one type has: its resources by name.
struct Resources {
  struct One {
    std::string version;
    std::string message;
  };
  std::map<std::string, One> by_name;
  // A new version of the resource, or its first.
  void put(const std::string& name, std::string message) {
    One& one = by_name[name];
    one.version = std::to_string(++changes_);
    one.message = std::move(message);
  }

 private:
  std::uint64_t changes_ = 0;
};

struct Target {
  std::string address;
  std::uint16_t port = 0;
};

// Type URLs, in the order in which they are sent.
inline constexpr const char* kClusters = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
inline constexpr const char* kEndpoints =
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
inline constexpr const char* kListeners = "type.googleapis.com/envoy.config.listener.v3.Listener";
inline constexpr const char* kRoutes =
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

// A cluster whose endpoints come over the same stream. `connections`: its limit of each kind.
std::string eds_cluster(const std::string& name, std::uint32_t connections);
// A cluster that has its endpoint in itself.
std::string static_cluster(const std::string& name, const Target& target);
std::string endpoints(const std::string& cluster, const Target& target);
// An HTTP listener on 127.0.0.1 whose route table comes over the same stream.
std::string http_listener(const std::string& name, std::uint16_t port, const std::string& routes,
                          const std::string& stat_prefix);
std::string tcp_listener(const std::string& name, std::uint16_t port, const std::string& cluster,
                         const std::string& stat_prefix);
// A virtual host for each cluster of `first` … `first + count - 1`; the first takes every other
// host, too. Replies carry `x-version: version`.
std::string route_table(const std::string& name, int first, int count, const std::string& version);

std::string cluster_name(int number);

}  // namespace bench
