// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/client_source.hpp"

namespace weir::upstream {
namespace {

constexpr std::uint32_t kFirstPort = 1024;  // below it bind(2) needs CAP_NET_BIND_SERVICE
constexpr std::uint32_t kPorts = 65536 - kFirstPort;

}  // namespace

std::uint16_t mirrored_port(std::uint16_t client_port) {
  if (client_port < kFirstPort) return 0;
  return static_cast<std::uint16_t>(kFirstPort + (client_port - kFirstPort + kPorts / 2) % kPorts);
}

Result<Endpoint> source_for(const ClientSource& source, const UpstreamAddress& target) {
  const Endpoint& client = source.client.endpoint;
  const std::string text = "source '" + client.to_string() + "': ";
  if (client.address.family() != target.endpoint.address.family())
    return Error{text + "the upstream '" + target.to_string() + "' is of the other address family"};
  if (!source.keeping.bind_port) return Endpoint{client.address, mirrored_port(client.port)};
  if (target.endpoint == source.destination.endpoint)
    return Error{
        text + "with its port it is taken: the client's own connection to '" + target.to_string() +
        "' has the same addresses and ports; leave bind_port out, or send to another port"};
  return client;
}

}  // namespace weir::upstream
