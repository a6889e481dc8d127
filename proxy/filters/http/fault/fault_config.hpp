// SPDX-License-Identifier: Apache-2.0
// What the fault filter injects, after parsing: narrow types, no proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/filter_registry.hpp"
#include "proxy/route/matchers.hpp"

namespace envoy::extensions::filters::http::fault::v3 {
class HTTPFault;
}

namespace weir::filters {

/// common.fault.v3.FaultDelay.
struct FaultDelay {
  std::optional<std::chrono::milliseconds> fixed;  // nullopt: x-envoy-fault-delay-request says it
  route::Fraction share{0, 100};
};

/// fault.v3.FaultAbort.
struct FaultAbort {
  enum class Kind : std::uint8_t { http, grpc, header };  // header: x-envoy-fault-abort-request
  Kind kind = Kind::http;
  std::uint32_t status = 0;  // of HTTP or of gRPC
  route::Fraction share{0, 100};
  std::string body = "fault filter abort";
};

/// common.fault.v3.FaultRateLimit, of the response's body.
struct FaultRateLimit {
  std::optional<std::uint64_t> kbps;  // KiB/s, ≥ 1; nullopt: x-envoy-fault-throughput-response
  route::Fraction share{0, 100};
};

/// fault.v3.HTTPFault. That of a route replaces that of the filter.
struct FaultSettings {
  std::optional<FaultDelay> delay;
  std::optional<FaultAbort> abort;
  std::optional<FaultRateLimit> response_rate_limit;
  std::string upstream_cluster;               // "" = all
  std::vector<route::HeaderMatcher> headers;  // all of them match
  std::vector<std::string> downstream_nodes;  // x-envoy-downstream-service-node; empty = all
  std::optional<std::uint32_t> max_active_faults;
};

struct RouteFault final : config::RouteFilterConfig {
  FaultSettings settings;
};

/// Reports every problem through `context`; the result is meaningful only when there was none.
FaultSettings fault_from_proto(const envoy::extensions::filters::http::fault::v3::HTTPFault& proto,
                               const config::ParseContext& context);

}  // namespace weir::filters
