// SPDX-License-Identifier: Apache-2.0
// What a host answers to health checks: each protocol takes any bytes in any pieces, and a whole
// answer in one piece is judged as it is in two.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/upstream/health/check_protocol.hpp"
#include "proxy/upstream/health/grpc_health.hpp"

namespace {

using namespace weir;
using Kind = config::HealthCheckConfig::Kind;

config::HealthCheckConfig check_of(std::uint8_t selector) {
  config::HealthCheckConfig check;
  check.path = "/";
  check.receive = {"ab", "b", "ca"};
  check.method = (selector & 4) != 0 ? "HEAD" : "GET";
  check.retriable_statuses = {{503, 504}};
  check.kind = (selector & 3) == 0 ? Kind::tcp : (selector & 3) == 3 ? Kind::grpc : Kind::http;
  check.http2 = (selector & 2) != 0;
  return check;
}

/// @return the kind of the first result, or -1. Goes on as a connection does.
int judge(const config::ClusterConfig& cluster, std::string_view first, std::string_view second) {
  const auto protocol = upstream::make_check_protocol(cluster, cluster.health_checks.front());
  static_cast<void>(protocol->begin());
  int found = -1;
  for (const std::string_view piece : {first, second}) {
    if (piece.empty()) continue;
    const auto result = protocol->feed(piece);
    static_cast<void>(protocol->take_output());
    if (!result) continue;
    if (found < 0) found = static_cast<int>(result->kind);
    if (!protocol->keeps_open()) return found;
    static_cast<void>(protocol->begin());
  }
  static_cast<void>(protocol->closed());
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  config::ClusterConfig cluster;
  cluster.name = "c";
  cluster.health_checks.push_back(check_of(data[0]));
  const std::string_view answer(reinterpret_cast<const char*>(data + 2), size - 2);
  static_cast<void>(upstream::decode_health_response(answer));
  const std::size_t cut = answer.empty() ? 0 : data[1] % answer.size();
  const int whole = judge(cluster, answer, {});
  const int pieces = judge(cluster, answer.substr(0, cut), answer.substr(cut));
  if (whole != pieces) std::abort();
  return 0;
}
