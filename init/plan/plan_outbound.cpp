// SPDX-License-Identifier: Apache-2.0
// What leaves, and what stays on lo. Order is meaning: the first rule that decides wins.
#include <algorithm>

#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

// A loopback prefix in the include list asks for the application's own loopback traffic, of both
// families.
bool includes_loopback(const RedirectConfig& config) {
  const auto& ranges = config.outbound_cidrs.ranges;
  return std::any_of(ranges.begin(), ranges.end(),
                     [](const CidrRange& r) { return r.address().is_loopback(); });
}

// Everything that is not TCP is let through for two reasons only: DNS, and to count what escapes.
bool looks_at_udp(const RedirectConfig& config) {
  return captures_dns(config) || captures_outbound(config);
}

Chain plan_output(const RedirectConfig& config, const RulesetBuilder& builder) {
  Chain chain{std::string(chains::kOutput), BaseHook{Hook::output, kNatPriority}, {}, {}};
  auto& rules = chain.rules;
  if (!looks_at_udp(config))
    rules.push_back(make_rule(is_not_tcp(), Return{}, "only TCP is redirected"));
  rules.push_back(leave_running_connections());
  append_outbound_exclusions(config, builder, looks_at_udp(config), rules);
  if (is_tproxy(config))
    rules.push_back(make_rule(has_mark(Field::mark, config.tproxy.mark, config.tproxy), Return{},
                              "the proxy's mark: to the application with the client's address"));
  append_passthrough(Field::oifname, rules);
  append_proxy_identity(Goto{std::string(chains::kProxyOutput)}, builder, rules);
  append_owner_groups(config.owner_groups, builder, Goto{std::string(chains::kOutbound)}, rules);
  return chain;
}

Chain plan_proxy_output(const RedirectConfig& config) {
  Chain chain{std::string(chains::kProxyOutput), {}, {}, {}};
  // In TPROXY mode these connections come in by lo as they are (plan_tproxy.cpp).
  if (!is_tproxy(config))
    append_own_address(config, Goto{std::string(chains::kToInbound)}, chain.rules);
  chain.rules.push_back(
      make_rule({}, Return{}, "all other connections of the proxy leave directly"));
  return chain;
}

Chain plan_outbound_destinations(const RedirectConfig& config, RulesetBuilder& builder) {
  Chain chain{std::string(chains::kOutbound), {}, {}, {}};
  auto& rules = chain.rules;
  append_dns_redirects(config, builder, rules);
  append_own_namespace(config, rules);
  append_outbound_decision(config, builder, OutboundCapture{Goto{std::string(chains::kToOutbound)}},
                           rules);
  return chain;
}

}  // namespace

IpAddress parse_constant(std::string_view text) { return *IpAddress::parse(text); }
Matches leaves_by_lo() { return equals(Field::oifname, name_key("lo")); }

void append_own_namespace(const RedirectConfig& config, std::vector<Rule>& rules) {
  if (!includes_loopback(config))
    rules.push_back(make_rule(leaves_by_lo(), Return{}, "application to its own namespace"));
  rules.push_back(
      make_rule(in_set(Field::ip_daddr, sets::kLoopback), Return{}, "explicit localhost"));
  rules.push_back(make_rule(equals(Field::ip6_daddr, address_key(parse_constant("::1"))), Return{},
                            "explicit localhost"));
}

void append_passthrough(Field interface, std::vector<Rule>& rules) {
  // The inbound passthrough cluster binds these addresses; without the rules it would meet itself
  // for ever.
  constexpr std::string_view why = "proxy to application, inbound passthrough";
  const Matches by_lo = equals(interface, name_key("lo"));
  rules.push_back(
      make_rule(by_lo + equals(Field::ip_saddr, address_key(parse_constant(kPassthroughSourceV4))),
                Return{}, why));
  rules.push_back(
      make_rule(by_lo + equals(Field::ip6_saddr, address_key(parse_constant(kPassthroughSourceV6))),
                Return{}, why));
}

// Before the proxy's connections to itself are looked at: an excluded port is excluded for
// everybody.
void append_outbound_exclusions(const RedirectConfig& config, const RulesetBuilder& builder,
                                bool with_udp, std::vector<Rule>& rules) {
  append_excluded_interfaces(Field::oifname, builder, rules);
  if (builder.has_set(sets::kOutboundExcludedPorts)) {
    constexpr std::string_view why = "excluded outbound port (-o)";
    rules.push_back(
        make_rule(in_set(Field::tcp_dport, sets::kOutboundExcludedPorts), Return{}, why));
    if (with_udp)
      rules.push_back(
          make_rule(in_set(Field::udp_dport, sets::kOutboundExcludedPorts), Return{}, why));
  }
  append_user_exclusions(config, builder, false, rules);
  if (with_udp) append_user_exclusions(config, builder, true, rules);
}

void append_user_exclusions(const RedirectConfig& config, const RulesetBuilder& builder, bool udp,
                            std::vector<Rule>& rules) {
  for (std::size_t i = 0; i < config.user_exclusions.size(); ++i) {
    const UserExclusion& one = config.user_exclusions[i];
    const std::string users = user_exclusion_set(i);
    if (one.udp != udp || !builder.has_set(users) || one.ports.empty()) continue;
    const Matches ports = one.ports.is_all()
                              ? (udp ? is_udp() : is_tcp())
                              : in_set(udp ? Field::udp_dport : Field::tcp_dport, users + "_ports");
    rules.push_back(make_rule(ports + in_set(Field::skuid_range, users), Return{},
                              "excluded port of this user (--exclude-outbound-ports-for-uids)"));
  }
}

// The proxy is known by user or by group, and either is enough. Only positive matches: a packet
// without a socket (the kernel's own connections) has no owner and must not pass for the proxy's.
void append_proxy_identity(const Verdict& verdict, const RulesetBuilder& builder,
                           std::vector<Rule>& rules) {
  if (builder.has_set(sets::kProxyUids))
    rules.push_back(make_rule(in_set(Field::skuid, sets::kProxyUids), verdict,
                              "opened by the proxy's user (-u)"));
  if (builder.has_set(sets::kProxyGids))
    rules.push_back(make_rule(in_set(Field::skgid, sets::kProxyGids), verdict,
                              "opened by the proxy's group (-g)"));
}

void append_owner_groups(const OwnerGroups& groups, const RulesetBuilder& builder,
                         const Verdict& application, std::vector<Rule>& rules) {
  if (groups.all) {
    if (builder.has_set(sets::kExcludedGroups))
      rules.push_back(
          make_rule(in_set(Field::skgid, sets::kExcludedGroups), Return{}, "excluded group"));
    rules.push_back(make_rule({}, application, "the application: decide by destination"));
    return;
  }
  if (builder.has_set(sets::kOwnerGroups))
    rules.push_back(make_rule(in_set(Field::skgid, sets::kOwnerGroups), application,
                              "a captured group: decide by destination"));
  rules.push_back(make_rule({}, Return{}, "no captured group"));
}

void append_own_address(const RedirectConfig& config, const Verdict& capture,
                        std::vector<Rule>& rules) {
  if (config.own_address == OwnAddress::direct) return;
  // A service address that was balanced to this very workload: let it come in as from outside, so
  // that inbound policy applies. Loopback itself is how the proxy hands over to the application.
  constexpr std::string_view why = "proxy to own address: in through the inbound port";
  Matches port = is_tcp();
  if (config.tunnel_port != 0)
    port.emplace_back(Match{Field::tcp_dport, true, port_key(config.tunnel_port)});
  // The proxy's own questions go to the DNS server, also when that is in this namespace.
  if (captures_dns(config))
    port.emplace_back(Match{Field::tcp_dport, true, port_key(kDnsServerPort)});
  rules.push_back(make_rule(leaves_by_lo() + not_in_set(Field::ip_daddr, sets::kLoopback) + port,
                            capture, why));
  if (config.ipv6 == Ipv6Mode::capture)
    rules.push_back(make_rule(
        leaves_by_lo() + differs(Field::ip6_daddr, address_key(parse_constant("::1"))) + port,
        capture, why));
}

void append_outbound_decision(const RedirectConfig& config, RulesetBuilder& builder,
                              const OutboundCapture& capture, std::vector<Rule>& rules) {
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
    append_destinations(excluded_destinations(family), builder, rules);
  if (builder.has_set(sets::kOutboundPorts) && capture.by_port)
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kOutboundPorts), capture.verdict,
                              "captured outbound port (-q)"));
  if (config.outbound_cidrs.all || capture.everything) {
    rules.push_back(make_rule(capture.protocol, capture.verdict, "all other outbound (-i '*')"));
    return;
  }
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    DestinationPlan captured = captured_destinations(family);
    captured.verdict = capture.verdict;
    const std::string_view name = family == IpFamily::v4 ? capture.name_v4 : capture.name_v6;
    if (!name.empty()) captured.name = name;
    append_destinations(captured, builder, rules);
  }
}

void plan_outbound(const RedirectConfig& config, RulesetBuilder& builder) {
  builder.add_chain(plan_output(config, builder));
  builder.add_chain(plan_proxy_output(config));
  builder.add_chain(plan_outbound_destinations(config, builder));
}

}  // namespace weir::init
