// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/check_protocol.hpp"

#include "proxy/upstream/health/http2_check.hpp"
#include "proxy/upstream/health/http_check.hpp"
#include "proxy/upstream/health/tcp_check.hpp"

namespace weir::upstream {

CheckResult CheckProtocol::closed() {
  return {CheckResult::Kind::network, "the host closed the connection", false};
}

std::unique_ptr<CheckProtocol> make_check_protocol(const config::ClusterConfig& cluster,
                                                   const config::HealthCheckConfig& check) {
  using Kind = config::HealthCheckConfig::Kind;
  if (check.kind == Kind::tcp) return std::make_unique<TcpCheck>(check);
  const std::string& named = check.kind == Kind::grpc ? check.grpc_authority : check.host;
  const std::string& authority = named.empty() ? cluster.name : named;
  if (check.kind == Kind::grpc || check.http2)
    return std::make_unique<Http2Check>(check, authority);
  return std::make_unique<HttpCheck>(check, authority);
}

}  // namespace weir::upstream
