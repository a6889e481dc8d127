// SPDX-License-Identifier: Apache-2.0
// What of ours the kernel's routing holds, as a value: read, compared and changed by routing.cpp.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace weir::init {

/// Marks our routing rules and routes (FRA_PROTOCOL, rtm_protocol), so that they are found whatever
/// they were installed with. Free in rt_protos and above the kernel's own (RTPROT_STATIC).
inline constexpr std::uint8_t kRouteProtocol = 157;

/// ::6/128 on lo, which the proxy's inbound IPv6 passthrough binds (127.0.0.6 needs no help: 127/8
/// is all lo's).
struct PassthroughAddress {
  auto operator<=>(const PassthroughAddress&) const = default;
};
/// `ip rule`: mark/mask lookup table, with kPolicyRulePriority.
struct PolicyRule {
  IpFamily family{};
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;
  std::uint32_t table = 0;
  auto operator<=>(const PolicyRule&) const = default;
};
/// `ip route`: local default dev lo table N.
struct LocalRoute {
  IpFamily family{};
  std::uint32_t table = 0;
  auto operator<=>(const LocalRoute&) const = default;
};
/// In the order in which they are added: a rule comes after the route that it leads to.
using RoutingItem = std::variant<PassthroughAddress, LocalRoute, PolicyRule>;

struct RoutingState {
  bool ipv6 = false;               // lo has IPv6
  std::vector<RoutingItem> items;  // sorted
  bool operator==(const RoutingState&) const = default;
};

/// "address ::6/128 on lo", "IPv4 policy rule mark 0x539/0xfff lookup 133", …
std::string describe(const RoutingItem& item);

/// Everything of ours. Error EPERM: CAP_NET_ADMIN is missing.
Result<RoutingState> read_routing_state();

/// Adds or removes one thing. What is there, or gone, already is no error.
Result<void> add_routing_item(const RoutingItem& item);
Result<void> remove_routing_item(const RoutingItem& item);

}  // namespace weir::init
