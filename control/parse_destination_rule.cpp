// SPDX-License-Identifier: Apache-2.0
// DestinationRule: subsets, and how connections to a host are made.
#include <algorithm>
#include <array>

#include "control/parse_file.hpp"

namespace weir::control {
namespace {

void read_connection_pool(ObjectReader& reader, TrafficPolicy& policy) {
  reader.object("tcp", [&](ObjectReader& tcp) {
    policy.max_connections = tcp.number("maxConnections");
    policy.connect_timeout = tcp.duration("connectTimeout");
  });
  reader.object("http", [&](ObjectReader& http) {
    policy.max_pending_requests = http.number("http1MaxPendingRequests");
    policy.max_requests = http.number("http2MaxRequests");
    policy.max_requests_per_connection = http.number("maxRequestsPerConnection");
    policy.max_retries = http.number("maxRetries");
    policy.idle_timeout = http.duration("idleTimeout");
  });
}

OutlierSettings read_outliers(ObjectReader& reader) {
  OutlierSettings out;
  out.consecutive_5xx = reader.number("consecutive5xxErrors");
  out.consecutive_gateway_errors = reader.number("consecutiveGatewayErrors");
  out.interval = reader.duration("interval");
  out.base_ejection_time = reader.duration("baseEjectionTime");
  out.max_ejection_percent = reader.number("maxEjectionPercent", 100);
  out.min_health_percent = reader.number("minHealthPercent", 100);
  return out;
}

void read_balancer(ObjectReader& reader, TrafficPolicy& policy) {
  constexpr std::array<std::string_view, 6> kKnown{
      "", "UNSPECIFIED", "ROUND_ROBIN", "LEAST_REQUEST", "LEAST_CONN", "RANDOM"};
  policy.balancer = reader.text("simple");
  if (std::find(kKnown.begin(), kKnown.end(), policy.balancer) == kKnown.end())
    reader.error("simple",
                 "'" + policy.balancer + "': expected ROUND_ROBIN, LEAST_REQUEST or RANDOM");
}

TrafficPolicy read_policy(ObjectReader& reader) {
  TrafficPolicy policy;
  reader.object("loadBalancer", [&](ObjectReader& one) { read_balancer(one, policy); });
  reader.object("connectionPool", [&](ObjectReader& one) { read_connection_pool(one, policy); });
  reader.object("outlierDetection",
                [&](ObjectReader& one) { policy.outliers = read_outliers(one); });
  reader.object("tls", [](ObjectReader& tls) {
    // Sending in plain what should be encrypted is worse than not starting.
    if (const std::string mode = tls.text("mode"); mode != "DISABLE")
      tls.error("mode", "'" + mode + "': TLS to the destination is not supported; only DISABLE is");
  });
  return policy;
}

}  // namespace

void parse_destination_rule(ObjectReader& root, std::vector<Object>& out) {
  DestinationRule rule;
  rule.object = read_object_name(root);
  root.object("spec", [&](ObjectReader& spec) {
    rule.host = full_host(spec.text("host"), rule.object.name_space);
    spec.object("trafficPolicy", [&](ObjectReader& one) { rule.policy = read_policy(one); });
    spec.objects("subsets", [&](ObjectReader& reader) {
      Subset subset;
      subset.name = reader.text("name");
      subset.labels = read_labels(reader, "labels");
      reader.object("trafficPolicy", [&](ObjectReader& one) { subset.policy = read_policy(one); });
      if (subset.name.empty()) reader.error("name", "a subset needs a name");
      rule.subsets.push_back(std::move(subset));
    });
    spec.ignore({"exportTo"});
    if (!spec.has("host")) spec.error("host", "expected the host that this rule is for");
  });
  out.emplace_back(std::move(rule));
}

}  // namespace weir::control
