// SPDX-License-Identifier: Apache-2.0
// What the chains look into: all sets of a plan, each of them only when it has elements.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

void add_interfaces(const RedirectConfig& config, RulesetBuilder& builder) {
  builder.add_set(sets::kVirtualInterfaces, KeyType::ifname, "interfaces of guests (-k)",
                  interface_intervals(config.virtual_interfaces));
  builder.add_set(sets::kExcludedInterfaces, KeyType::ifname, "interfaces left alone (-c)",
                  interface_intervals(config.excluded_interfaces));
  add_virtual_network_sets(config, builder);
}

void add_inbound(const RedirectConfig& config, RulesetBuilder& builder) {
  builder.add_set(sets::kExcludedSourcesV4, KeyType::ipv4_addr, "clients left alone",
                  aggregate(config.inbound_excluded_sources, IpFamily::v4));
  builder.add_set(sets::kExcludedSourcesV6, KeyType::ipv6_addr, "clients left alone",
                  aggregate(config.inbound_excluded_sources, IpFamily::v6));
  if (config.inbound_ports.is_all())
    builder.add_set(sets::kInboundExcludedPorts, KeyType::inet_service,
                    "inbound ports left alone (-d)", port_intervals(config.inbound_excluded_ports));
  else
    builder.add_set(sets::kInboundPorts, KeyType::inet_service, "captured inbound ports (-b)",
                    port_intervals(config.inbound_ports));
}

void add_users(const RedirectConfig& config, RulesetBuilder& builder) {
  for (std::size_t i = 0; i < config.user_exclusions.size(); ++i) {
    const UserExclusion& one = config.user_exclusions[i];
    const std::string name = user_exclusion_set(i);
    builder.add_set(name, KeyType::uid_range, "users left alone at some ports",
                    id_intervals(one.users));
    if (!one.ports.is_all())
      builder.add_set(name + "_ports", KeyType::inet_service, "ports left alone for these users",
                      port_intervals(one.ports));
  }
  builder.add_set(sets::kProxyUids, KeyType::uid, "users of the proxy (-u)",
                  id_elements(config.proxy_uids));
  builder.add_set(sets::kProxyGids, KeyType::gid, "groups of the proxy (-g)",
                  id_elements(config.proxy_gids));
  if (config.owner_groups.all)
    builder.add_set(sets::kExcludedGroups, KeyType::gid, "groups not captured",
                    id_elements(config.owner_groups.excluded));
  else
    builder.add_set(sets::kOwnerGroups, KeyType::gid, "the only groups captured",
                    id_elements(config.owner_groups.included));
}

void add_dns_servers(const RedirectConfig& config, RulesetBuilder& builder) {
  if (!captures_dns(config) || config.dns.scope != DnsScope::servers) return;
  std::vector<CidrRange> servers;
  for (const IpAddress& server : config.dns.servers) servers.emplace_back(server, server.bits());
  builder.add_set(sets::kDnsServersV4, KeyType::ipv4_addr, "DNS servers that are captured",
                  aggregate(servers, IpFamily::v4));
  builder.add_set(sets::kDnsServersV6, KeyType::ipv6_addr, "DNS servers that are captured",
                  aggregate(servers, IpFamily::v6));
}

void add_outbound(const RedirectConfig& config, RulesetBuilder& builder) {
  builder.add_set(sets::kOutboundExcludedPorts, KeyType::inet_service,
                  "outbound ports left alone (-o)", port_intervals(config.outbound_excluded_ports));
  builder.add_set(sets::kLoopback, KeyType::ipv4_addr, "loopback addresses never captured",
                  aggregate({config.loopback_v4}, IpFamily::v4));
  builder.add_set(sets::kOutboundPorts, KeyType::inet_service,
                  "outbound ports captured at any address (-q)",
                  port_intervals(config.outbound_ports));
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    add_destination_sets(excluded_destinations(family),
                         aggregate(config.outbound_excluded_cidrs, family), builder);
    if (!config.outbound_cidrs.all)
      add_destination_sets(captured_destinations(family),
                           aggregate(config.outbound_cidrs.ranges, family), builder);
  }
}

}  // namespace

std::string user_exclusion_set(std::size_t number) {
  return "excluded_users_" + std::to_string(number + 1);
}

void add_sets(const RedirectConfig& config, RulesetBuilder& builder) {
  add_interfaces(config, builder);
  add_inbound(config, builder);
  add_users(config, builder);
  add_dns_servers(config, builder);
  add_outbound(config, builder);
}

}  // namespace weir::init
