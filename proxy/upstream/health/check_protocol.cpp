// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/check_protocol.hpp"

#include "proxy/upstream/health/http_check.hpp"
#include "proxy/upstream/health/tcp_check.hpp"

namespace weir::upstream {

CheckResult CheckProtocol::closed() {
  return {CheckResult::Kind::network, "the host closed the connection", false};
}

std::unique_ptr<CheckProtocol> make_check_protocol(const config::ClusterConfig& cluster,
                                                   const config::HealthCheckConfig& check) {
  if (check.kind == config::HealthCheckConfig::Kind::http)
    return std::make_unique<HttpCheck>(check, check.host.empty() ? cluster.name : check.host);
  return std::make_unique<TcpCheck>(check);
}

}  // namespace weir::upstream
