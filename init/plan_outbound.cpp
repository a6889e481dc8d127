// SPDX-License-Identifier: Apache-2.0
// What leaves, and what stays on lo. Order is meaning: the first rule that decides wins.
#include <algorithm>

#include "init/interval.hpp"
#include "init/plan.hpp"

namespace weir::init {
namespace {

IpAddress parse_constant(std::string_view text) { return *IpAddress::parse(text); }

Matches leaves_by_lo() { return equals(Field::oifname, name_key("lo")); }

// A loopback prefix in the include list asks for the application's own loopback traffic, of both
// families.
bool includes_loopback(const RedirectConfig& config) {
  const auto& ranges = config.outbound_cidrs.ranges;
  return std::any_of(ranges.begin(), ranges.end(),
                     [](const CidrRange& r) { return r.address().is_loopback(); });
}

// The proxy is known by user or by group, and either is enough. Only positive matches: a packet
// without a socket (the kernel's own connections) has no owner and must not pass for the proxy's.
void append_proxy_identity(const RedirectConfig& config, RulesetBuilder& builder,
                           std::vector<Rule>& rules) {
  const Goto proxy{std::string(chains::kProxyOutput)};
  if (builder.add_set(sets::kProxyUids, KeyType::uid, "users of the proxy (-u)",
                      id_elements(config.proxy_uids)))
    rules.push_back(make_rule(in_set(Field::skuid, sets::kProxyUids), proxy,
                              "opened by the proxy's user (-u)"));
  if (builder.add_set(sets::kProxyGids, KeyType::gid, "groups of the proxy (-g)",
                      id_elements(config.proxy_gids)))
    rules.push_back(make_rule(in_set(Field::skgid, sets::kProxyGids), proxy,
                              "opened by the proxy's group (-g)"));
}

void append_owner_groups(const OwnerGroups& groups, RulesetBuilder& builder,
                         std::vector<Rule>& rules) {
  const Goto outbound{std::string(chains::kOutbound)};
  if (groups.all) {
    if (builder.add_set(sets::kExcludedGroups, KeyType::gid, "groups not captured",
                        id_elements(groups.excluded)))
      rules.push_back(
          make_rule(in_set(Field::skgid, sets::kExcludedGroups), Return{}, "excluded group"));
    rules.push_back(make_rule({}, outbound, "the application: decide by destination"));
    return;
  }
  if (builder.add_set(sets::kOwnerGroups, KeyType::gid, "the only groups captured",
                      id_elements(groups.included)))
    rules.push_back(make_rule(in_set(Field::skgid, sets::kOwnerGroups), outbound,
                              "a captured group: decide by destination"));
  rules.push_back(make_rule({}, Return{}, "no captured group"));
}

}  // namespace

Chain plan_output(const RedirectConfig& config, RulesetBuilder& builder) {
  Chain chain{std::string(chains::kOutput), BaseHook{Hook::output, kNatPriority}, {}, {}};
  auto& rules = chain.rules;
  rules.push_back(make_rule(is_not_tcp(), Return{}, "only TCP is redirected"));
  rules.push_back(leave_running_connections());
  if (builder.has_set(sets::kExcludedInterfaces))
    rules.push_back(make_rule(in_set(Field::oifname, sets::kExcludedInterfaces), Return{},
                              "excluded interface (-c)"));
  // Before the proxy's connections to itself are looked at: an excluded port is excluded for
  // everybody.
  if (builder.add_set(sets::kOutboundExcludedPorts, KeyType::inet_service,
                      "outbound ports left alone (-o)",
                      port_intervals(config.outbound_excluded_ports)))
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kOutboundExcludedPorts), Return{},
                              "excluded outbound port (-o)"));
  // The inbound passthrough cluster binds these addresses; without the rules it would meet itself
  // for ever.
  constexpr std::string_view why = "proxy to application, inbound passthrough";
  rules.push_back(make_rule(
      leaves_by_lo() + equals(Field::ip_saddr, address_key(parse_constant(kPassthroughSourceV4))),
      Return{}, why));
  rules.push_back(make_rule(
      leaves_by_lo() + equals(Field::ip6_saddr, address_key(parse_constant(kPassthroughSourceV6))),
      Return{}, why));
  append_proxy_identity(config, builder, rules);
  if (!includes_loopback(config))
    rules.push_back(make_rule(leaves_by_lo(), Return{}, "application to its own namespace"));
  append_owner_groups(config.owner_groups, builder, rules);
  return chain;
}

Chain plan_proxy_output(const RedirectConfig& config) {
  Chain chain{std::string(chains::kProxyOutput), {}, {}, {}};
  // A service address that was balanced to this very workload: let it come in as from outside, so
  // that inbound policy applies. Loopback itself is how the proxy hands over to the application.
  constexpr std::string_view why = "proxy to own address: in through the inbound port";
  const auto not_tunnel = differs(Field::tcp_dport, port_key(config.tunnel_port));
  const Redirect inbound{config.inbound_port};
  chain.rules.push_back(make_rule(
      leaves_by_lo() + not_in_set(Field::ip_daddr, sets::kLoopback) + not_tunnel, inbound, why));
  chain.rules.push_back(make_rule(
      leaves_by_lo() + differs(Field::ip6_daddr, address_key(parse_constant("::1"))) + not_tunnel,
      inbound, why));
  chain.rules.push_back(
      make_rule({}, Return{}, "all other connections of the proxy leave directly"));
  return chain;
}

DestinationPlan captured_destinations(const RedirectConfig& config, IpFamily family) {
  return {family, family == IpFamily::v4 ? sets::kOutboundV4 : sets::kOutboundV6,
          "captured addresses (-i)", "captured address (-i)", Redirect{config.outbound_port}};
}

Chain plan_outbound(const RedirectConfig& config, RulesetBuilder& builder) {
  Chain chain{std::string(chains::kOutbound), {}, {}, {}};
  auto& rules = chain.rules;
  const Redirect to_proxy{config.outbound_port};
  builder.add_set(sets::kLoopback, KeyType::ipv4_addr, "loopback addresses never captured",
                  aggregate({config.loopback_v4}, IpFamily::v4));
  rules.push_back(
      make_rule(in_set(Field::ip_daddr, sets::kLoopback), Return{}, "explicit localhost"));
  rules.push_back(make_rule(equals(Field::ip6_daddr, address_key(parse_constant("::1"))), Return{},
                            "explicit localhost"));
  append_destinations({IpFamily::v4, sets::kOutboundExcludedV4, "addresses left alone (-x)",
                       "excluded address (-x)", Accept{}},
                      aggregate(config.outbound_excluded_cidrs, IpFamily::v4), builder, rules);
  append_destinations({IpFamily::v6, sets::kOutboundExcludedV6, "addresses left alone (-x)",
                       "excluded address (-x)", Accept{}},
                      aggregate(config.outbound_excluded_cidrs, IpFamily::v6), builder, rules);
  if (builder.add_set(sets::kOutboundPorts, KeyType::inet_service,
                      "outbound ports captured at any address (-q)",
                      port_intervals(config.outbound_ports)))
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kOutboundPorts), to_proxy,
                              "captured outbound port (-q)"));
  if (config.outbound_cidrs.all) {
    rules.push_back(make_rule(is_tcp(), to_proxy, "all other outbound (-i '*')"));
    return chain;
  }
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
    append_destinations(captured_destinations(config, family),
                        aggregate(config.outbound_cidrs.ranges, family), builder, rules);
  return chain;
}

}  // namespace weir::init
