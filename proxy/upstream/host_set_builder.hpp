// SPDX-License-Identifier: Apache-2.0
// build_host_set: endpoints and the addresses found for them become the hosts of a cluster.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "common/ip.hpp"
#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

/// One configured endpoint with what its name stands for at the moment.
struct ResolvedEndpoint {
  const config::EndpointConfig* endpoint = nullptr;
  std::vector<IpAddress> addresses;
  bool named = true;  // without a hostname of its own a host is called what was looked up
};

/// STATIC: every endpoint is an IP literal (checked when the configuration was read) and becomes
/// one host.
std::shared_ptr<const HostSet> build_static_hosts(const config::ClusterConfig& cluster,
                                                  unsigned workers);

/// DNS and EDS: one host per address and port, the first endpoint that names it wins. Hosts of
/// `previous` that are still the same stay the same objects. @return `previous` itself when nothing
/// changed.
std::shared_ptr<const HostSet> build_dns_hosts(std::span<const ResolvedEndpoint> endpoints,
                                               const std::shared_ptr<const HostSet>& previous,
                                               unsigned workers);

/// `fresh` in a stable order: what was in `known` first, as it was, then what is new. DNS servers
/// rotate their answers; that alone must not look like a change.
std::vector<IpAddress> merge_addresses(const std::vector<IpAddress>& known,
                                       const std::vector<IpAddress>& fresh);

}  // namespace weir::upstream
