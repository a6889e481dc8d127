// SPDX-License-Identifier: Apache-2.0
// RedirectConfig: which traffic is redirected, as typed values. Flags and environment end here,
// policy starts here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "common/port_set.hpp"
#include "common/ports.hpp"

namespace weir::init {

/// `*`, or a list of prefixes of both families in any order, possibly overlapping.
struct CidrList {
  bool all = false;
  std::vector<CidrRange> ranges;
  bool operator==(const CidrList&) const = default;
};

/// Whose outbound connections are captured, by group. With `all`, everybody's but `excluded`;
/// otherwise only `included` (an empty list captures nothing outbound).
struct OwnerGroups {
  bool all = true;
  std::vector<std::uint32_t> included;
  std::vector<std::uint32_t> excluded;
  bool operator==(const OwnerGroups&) const = default;
};

/// An interface name, or with `prefix` every interface whose name starts so (`br+`).
struct InterfacePattern {
  std::string name;  // 1..15 bytes
  bool prefix = false;
  auto operator<=>(const InterfacePattern&) const = default;
};

/// Defaults are istio-iptables': without an include list nothing is captured. Only inbound_ports
/// may be `*`.
struct RedirectConfig {
  std::uint16_t outbound_port = kOutboundPort;
  std::uint16_t inbound_port = kInboundPort;
  std::uint16_t tunnel_port = kInboundTunnelPort;
  std::vector<std::uint32_t> proxy_uids{kProxyUid};
  std::vector<std::uint32_t> proxy_gids{kProxyUid};
  PortSet inbound_ports;
  PortSet inbound_excluded_ports;  // applies only when inbound_ports is `*`
  CidrList outbound_cidrs;
  std::vector<CidrRange> outbound_excluded_cidrs;
  PortSet outbound_ports;  // captured whatever the address, unless that is excluded
  PortSet outbound_excluded_ports;
  std::vector<InterfacePattern> excluded_interfaces;
  std::vector<InterfacePattern> virtual_interfaces;  // what comes in here is treated as outbound
  OwnerGroups owner_groups;
  CidrRange loopback_v4{IpAddress::v4(0x7f000001), 32};
  bool operator==(const RedirectConfig&) const = default;
};

}  // namespace weir::init
