// SPDX-License-Identifier: Apache-2.0
#include "init/routing/routing_state.hpp"

#include <netinet/in.h>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>

#include "common/ports.hpp"
#include "init/nft/attributes.hpp"
#include "init/routing/routing.hpp"
#include "init/routing/rtnetlink.hpp"

namespace weir::init {
namespace {

// LOOPBACK_IFINDEX of net/flow.h: the same in every network namespace.
constexpr unsigned kLoopbackIndex = 1;

std::uint8_t number_of(IpFamily family) { return family == IpFamily::v4 ? AF_INET : AF_INET6; }

template <class Header>
Result<void> send(
    RtRequest<Header>& request, const NetlinkSocket::OnMessage& on_reply = [](const nlmsghdr*) {}) {
  TRY(RtSocket socket, RtSocket::open());
  return socket.send(request, on_reply);
}

template <class Header>
const Header* header_of(const nlmsghdr* message) {
  return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

// IFLA_INET6_CONF is an array of the interface's settings by DEVCONF_ number.
bool says_enabled(const nlattr* configuration) {
  std::int32_t disabled = 0;
  constexpr std::size_t kOffset = DEVCONF_DISABLE_IPV6 * sizeof disabled;
  if (mnl_attr_get_payload_len(configuration) < kOffset + sizeof disabled) return true;
  std::memcpy(&disabled, static_cast<const char*>(mnl_attr_get_payload(configuration)) + kOffset,
              sizeof disabled);
  return disabled == 0;
}

// Without the protocol (ipv6.disable=1) lo has no part of AF_INET6 at all.
Result<bool> has_ipv6() {
  RtRequest<ifinfomsg> request(RTM_GETLINK, NLM_F_ACK);
  request->ifi_index = kLoopbackIndex;
  bool enabled = false;
  TRY_VOID(send(request, [&](const nlmsghdr* reply) {
    for_each_attribute(reply, sizeof(ifinfomsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) != IFLA_AF_SPEC) return;
      for_each_nested(attribute, [&](const nlattr* family) {
        if (mnl_attr_get_type(family) != AF_INET6) return;
        for_each_nested(family, [&](const nlattr* part) {
          if (mnl_attr_get_type(part) == IFLA_INET6_CONF) enabled = says_enabled(part);
        });
      });
    });
  }));
  return enabled;
}

const IpAddress& passthrough_address() {
  static const IpAddress address = *IpAddress::parse(kPassthroughSourceV6);
  return address;
}

Result<void> read_address(RoutingState& state) {
  RtRequest<ifaddrmsg> request(RTM_GETADDR, NLM_F_DUMP);
  request->ifa_family = AF_INET6;
  const auto& wanted = passthrough_address().bytes();
  return send(request, [&](const nlmsghdr* reply) {
    const auto* header = header_of<ifaddrmsg>(reply);
    if (header->ifa_index != kLoopbackIndex || header->ifa_prefixlen != 128) return;
    for_each_attribute(reply, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == IFA_ADDRESS &&
          mnl_attr_get_payload_len(attribute) == wanted.size() &&
          std::memcmp(mnl_attr_get_payload(attribute), wanted.data(), wanted.size()) == 0)
        state.items.emplace_back(PassthroughAddress{});
    });
  });
}

// Kernels before 4.17 do not keep the protocol of a rule; there our priority has to do.
Result<void> read_rules(IpFamily family, RoutingState& state) {
  RtRequest<fib_rule_hdr> request(RTM_GETRULE, NLM_F_DUMP);
  request->family = number_of(family);
  return send(request, [&](const nlmsghdr* reply) {
    if (header_of<fib_rule_hdr>(reply)->family != number_of(family)) return;
    PolicyRule rule{family, 0, 0xffffffff, header_of<fib_rule_hdr>(reply)->table};
    std::uint32_t priority = 0;
    std::uint8_t protocol = kRouteProtocol;
    for_each_attribute(reply, sizeof(fib_rule_hdr), [&](const nlattr* attribute) {
      switch (mnl_attr_get_type(attribute)) {
        case FRA_PRIORITY:
          priority = mnl_attr_get_u32(attribute);
          break;
        case FRA_FWMARK:
          rule.mark = mnl_attr_get_u32(attribute);
          break;
        case FRA_FWMASK:
          rule.mask = mnl_attr_get_u32(attribute);
          break;
        case FRA_TABLE:
          rule.table = mnl_attr_get_u32(attribute);
          break;
        case FRA_PROTOCOL:
          protocol = mnl_attr_get_u8(attribute);
          break;
        default:
          break;
      }
    });
    if (priority == kPolicyRulePriority && protocol == kRouteProtocol) state.items.push_back(rule);
  });
}

Result<void> read_routes(IpFamily family, RoutingState& state) {
  RtRequest<rtmsg> request(RTM_GETROUTE, NLM_F_DUMP);
  request->rtm_family = number_of(family);
  request->rtm_protocol = kRouteProtocol;
  return send(request, [&](const nlmsghdr* reply) {
    const auto* header = header_of<rtmsg>(reply);
    if (header->rtm_family != number_of(family) || header->rtm_protocol != kRouteProtocol ||
        header->rtm_type != RTN_LOCAL || header->rtm_dst_len != 0)
      return;
    LocalRoute route{family, header->rtm_table};
    for_each_attribute(reply, sizeof(rtmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == RTA_TABLE) route.table = mnl_attr_get_u32(attribute);
    });
    state.items.emplace_back(route);
  });
}

Result<void> change(const PassthroughAddress& /*item*/, bool add) {
  RtRequest<ifaddrmsg> request(add ? RTM_NEWADDR : RTM_DELADDR,
                               NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
  request->ifa_family = AF_INET6;
  request->ifa_prefixlen = 128;
  request->ifa_scope = RT_SCOPE_UNIVERSE;
  request->ifa_flags = IFA_F_NODAD;  // usable at once
  request->ifa_index = kLoopbackIndex;
  const IpAddress& address = passthrough_address();
  mnl_attr_put(request.message(), IFA_LOCAL, address.size(), address.bytes().data());
  mnl_attr_put(request.message(), IFA_ADDRESS, address.size(), address.bytes().data());
  return send(request);
}

Result<void> change(const PolicyRule& rule, bool add) {
  RtRequest<fib_rule_hdr> request(add ? RTM_NEWRULE : RTM_DELRULE,
                                  NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
  request->family = number_of(rule.family);
  request->action = FR_ACT_TO_TBL;
  mnl_attr_put_u32(request.message(), FRA_PRIORITY, kPolicyRulePriority);
  mnl_attr_put_u32(request.message(), FRA_FWMARK, rule.mark);
  mnl_attr_put_u32(request.message(), FRA_FWMASK, rule.mask);
  mnl_attr_put_u32(request.message(), FRA_TABLE, rule.table);
  mnl_attr_put_u8(request.message(), FRA_PROTOCOL, kRouteProtocol);
  return send(request);
}

Result<void> change(const LocalRoute& route, bool add) {
  RtRequest<rtmsg> request(add ? RTM_NEWROUTE : RTM_DELROUTE,
                           NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
  request->rtm_family = number_of(route.family);
  request->rtm_protocol = kRouteProtocol;
  request->rtm_type = RTN_LOCAL;
  request->rtm_scope = RT_SCOPE_HOST;
  mnl_attr_put_u32(request.message(), RTA_TABLE, route.table);
  mnl_attr_put_u32(request.message(), RTA_OIF, kLoopbackIndex);
  return send(request);
}

// Somebody was faster: what was wanted is so.
bool is_already_so(bool add, int code) {
  return add ? code == EEXIST
             : code == ENOENT || code == ESRCH || code == EADDRNOTAVAIL || code == ENODEV;
}

Result<void> change_item(const RoutingItem& item, bool add) {
  const auto changed = std::visit([&](const auto& one) { return change(one, add); }, item);
  if (changed || is_already_so(add, changed.error().code)) return {};
  std::string text =
      (add ? "adding " : "removing ") + describe(item) + ": " + changed.error().message;
  if (changed.error().code == EPERM) text += "; CAP_NET_ADMIN is needed in this network namespace";
  return Error{std::move(text), changed.error().code};
}

std::string_view name_of(IpFamily family) { return family == IpFamily::v4 ? "IPv4" : "IPv6"; }

std::string text_of(const PassthroughAddress& /*item*/) { return "address ::6/128 on lo"; }
std::string text_of(const PolicyRule& rule) {
  char text[128];
  std::snprintf(text, sizeof text, "%s rule mark 0x%x/0x%x lookup %u (priority %u)",
                name_of(rule.family).data(), rule.mark, rule.mask, rule.table, kPolicyRulePriority);
  return text;
}
std::string text_of(const LocalRoute& route) {
  return std::string(name_of(route.family)) + " route local default dev lo table " +
         std::to_string(route.table);
}

}  // namespace

std::string describe(const RoutingItem& item) {
  return std::visit([](const auto& one) { return text_of(one); }, item);
}

Result<RoutingState> read_routing_state() {
  const auto read = []() -> Result<RoutingState> {
    RoutingState state;
    TRY(state.ipv6, has_ipv6());
    if (state.ipv6) TRY_VOID(read_address(state));
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
      if (family == IpFamily::v6 && !state.ipv6) continue;
      TRY_VOID(read_rules(family, state));
      TRY_VOID(read_routes(family, state));
    }
    std::sort(state.items.begin(), state.items.end());
    return state;
  };
  for (int attempt = 0;; ++attempt) {
    auto state = read();
    if (state || state.error().code != EINTR || attempt == 5)
      return state ? std::move(state) : state.error().with_context("reading the routing rules");
  }
}

Result<void> add_routing_item(const RoutingItem& item) { return change_item(item, true); }
Result<void> remove_routing_item(const RoutingItem& item) { return change_item(item, false); }

}  // namespace weir::init
