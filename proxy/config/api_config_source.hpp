// SPDX-License-Identifier: Apache-2.0
// ApiConfigSource: a control plane that is asked over gRPC, through a cluster.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::config {

/// core.v3.RateLimitSettings, of requests to a control plane. The defaults are Envoy's, when the
/// limit is wanted at all.
struct RequestRateLimit {
  std::uint32_t max_tokens = 100;
  double tokens_per_second = 10;
  bool operator==(const RequestRateLimit&) const = default;
};

/// Of attempts to reach a control plane: each waits anything up to a bound that doubles from the
/// one to the other. Shorter than Envoy's (500 ms to 30 s), so that a control plane that restarts
/// has its proxies back within a second.
struct RetryBackoff {
  std::chrono::milliseconds base{100};
  std::chrono::milliseconds most{800};
  bool operator==(const RetryBackoff&) const = default;
};

/// core.v3.ApiConfigSource.
struct ApiConfigSource {
  bool delta = false;
  std::string cluster;
  std::string authority;                                      // "" = the cluster's name
  std::vector<std::pair<std::string, std::string>> metadata;  // lower-case names
  std::size_t max_message = std::size_t{64} * 1024 * 1024;    // bytes of one response
  RetryBackoff backoff;
  bool node_on_first_message_only = false;
  std::optional<RequestRateLimit> rate_limit;
  bool operator==(const ApiConfigSource&) const = default;
};

}  // namespace weir::config
