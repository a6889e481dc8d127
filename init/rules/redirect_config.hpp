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

/// A network of guests behind this namespace (Kuma's --vnet). What comes in by the interface is
/// outbound, its DNS requests (UDP) included, whatever the include lists say; but what goes to
/// `local` is inbound. Applies to the family of `local`.
struct VirtualNetwork {
  InterfacePattern interface;
  CidrRange local;
  auto operator<=>(const VirtualNetwork&) const = default;
};

/// How inbound connections reach the proxy: with the destination rewritten, or as they are
/// (transparent sockets; the client's address stays).
enum class InboundMode : std::uint8_t { redirect, tproxy };

/// Marks and routing table of TPROXY mode. `mark` is what packets for the proxy carry; mark + 1
/// says that the proxy sends to its own namespace. Only the bits of `mask` are ours.
struct TproxyMarks {
  std::uint32_t mark = 1337;
  std::uint32_t mask = 0xfff;
  std::uint32_t route_table = 133;
  bool operator==(const TproxyMarks&) const = default;
};

enum class DnsScope : std::uint8_t { off, servers, all };
/// Which DNS requests (UDP and TCP, port 53) go to the proxy's DNS port.
struct DnsCapture {
  DnsScope scope = DnsScope::off;
  std::uint16_t port = kDnsPort;
  std::vector<IpAddress> servers;  // scope servers: of /etc/resolv.conf
  /// Two connection tracking zones keep the proxy's requests and the redirected ones apart when
  /// both use the same ports.
  bool split_zones = true;
  bool operator==(const DnsCapture&) const = default;
};

struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  auto operator<=>(const IdRange&) const = default;
};

/// Outbound connections of some users to some ports that are left alone (Kuma's
/// `tcp:53,3000-5000:106-108`). An empty PortSet means no port; is_all() every port.
struct UserExclusion {
  bool udp = false;  // else TCP; of UDP only DNS is captured at all
  PortSet ports;
  std::vector<IdRange> users;
  bool operator==(const UserExclusion&) const = default;
};

/// What happens to IPv6: captured as IPv4 is; refused where it would have been captured (a proxy
/// without IPv6); not looked at.
enum class Ipv6Mode : std::uint8_t { capture, block, ignore };

/// Where the proxy's own connections to an address of its own namespace go: in through the inbound
/// port, or straight to the application (linkerd).
enum class OwnAddress : std::uint8_t { inbound, direct };

/// Defaults are istio-iptables': without an include list nothing is captured. Only inbound_ports
/// may be `*`.
struct RedirectConfig {
  std::uint16_t outbound_port = kOutboundPort;
  std::uint16_t inbound_port = kInboundPort;
  std::uint16_t tunnel_port = kInboundTunnelPort;  // 0: none
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
  std::vector<VirtualNetwork> virtual_networks;
  OwnerGroups owner_groups;
  CidrRange loopback_v4{IpAddress::v4(0x7f000001), 32};
  InboundMode inbound_mode = InboundMode::redirect;
  TproxyMarks tproxy;
  DnsCapture dns;
  bool drop_invalid = false;
  Ipv6Mode ipv6 = Ipv6Mode::capture;
  OwnAddress own_address = OwnAddress::inbound;
  std::vector<CidrRange> inbound_excluded_sources;  // clients that reach the application directly
  std::vector<UserExclusion> user_exclusions;
  bool reject_quic = false;  // UDP 443 is refused, so that clients fall back to TCP
  /// A connection to the proxy's ports waits in the kernel until somebody listens there.
  bool hold_until_listening = true;
  /// How long a captured, half-closed connection is remembered, in seconds; 0: the kernel's value.
  std::uint32_t close_wait_timeout = 3600;
  bool operator==(const RedirectConfig&) const = default;
};

}  // namespace weir::init
