// SPDX-License-Identifier: Apache-2.0
// What must not leave past the proxy and cannot go through it is refused at once, so that clients
// fall back: QUIC to TCP, IPv6 to IPv4. The decision is the one of the NAT chains with another end.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

bool blocks_ipv6(const RedirectConfig& config) { return config.ipv6 == Ipv6Mode::block; }
bool blocks_outbound(const RedirectConfig& config) {
  return blocks_ipv6(config) && (captures_outbound(config) || captures_dns(config));
}
bool blocks_inbound(const RedirectConfig& config) {
  return blocks_ipv6(config) && !config.inbound_ports.empty();
}
bool rejects_quic(const RedirectConfig& config) {
  return config.reject_quic && captures_outbound(config) &&
         !config.outbound_excluded_ports.contains(kQuicPort);
}

// Exclusions, the proxy itself and uncaptured groups leave; what follows is the application's.
Chain application_chain(std::string_view name, std::string_view next, const RedirectConfig& config,
                        const RulesetBuilder& builder) {
  Chain chain{std::string(name), {}, {}, {}};
  append_outbound_exclusions(config, builder, true, chain.rules);
  append_proxy_identity(Return{}, builder, chain.rules);
  append_owner_groups(config.owner_groups, builder, Goto{std::string(next)}, chain.rules);
  return chain;
}

void plan_quic(const RedirectConfig& config, RulesetBuilder& builder) {
  const std::string next = std::string(chains::kRejectQuic) + "_destinations";
  Chain chain = application_chain(chains::kRejectQuic, next, config, builder);
  if (config.ipv6 == Ipv6Mode::ignore) {
    std::vector<Rule> first;
    append_uncaptured_ipv6(config, first);
    chain.rules.insert(chain.rules.begin(), first.begin(), first.end());
  }
  builder.add_chain(std::move(chain));
  Chain destinations{next, {}, {}, {}};
  destinations.rules.push_back(
      make_rule(leaves_by_lo(), Return{}, "application to its own namespace"));
  append_outbound_decision(config, builder,
                           {Reject{Rejection::port_unreachable}, is_udp(), "reject_quic_v4",
                            "reject_quic_v6", false, config.outbound_ports.contains(kQuicPort)},
                           destinations.rules);
  builder.add_chain(std::move(destinations));
}

void append_ipv6_dns(const RedirectConfig& config, const RulesetBuilder& builder,
                     std::vector<Rule>& rules) {
  if (!captures_dns(config)) return;
  const bool all = config.dns.scope == DnsScope::all;
  if (!all && !builder.has_set(sets::kDnsServersV6)) return;
  const Matches server = all ? Matches{} : in_set(Field::ip6_daddr, sets::kDnsServersV6);
  constexpr std::string_view why = "DNS request over IPv6 (--ipv6 block)";
  const Key port = port_key(kDnsServerPort);
  rules.push_back(
      make_rule(server + equals(Field::udp_dport, port), Reject{Rejection::port_unreachable}, why));
  rules.push_back(
      make_rule(server + equals(Field::tcp_dport, port), Reject{Rejection::tcp_reset}, why));
}

void plan_ipv6(const RedirectConfig& config, RulesetBuilder& builder) {
  const std::string next = std::string(chains::kRejectIpv6) + "_destinations";
  builder.add_chain(application_chain(chains::kRejectIpv6, next, config, builder));
  Chain chain{next, {}, {}, {}};
  append_passthrough(Field::oifname, chain.rules);
  append_ipv6_dns(config, builder, chain.rules);
  chain.rules.push_back(make_rule(is_not_tcp(), Return{}, "only TCP is captured"));
  append_own_namespace(config, chain.rules);
  if (captures_outbound(config))
    append_outbound_decision(
        config, builder,
        {Reject{Rejection::tcp_reset}, is_tcp(), "reject_ipv6_v4", "reject_ipv6_v6"}, chain.rules);
  builder.add_chain(std::move(chain));
}

Chain plan_output(const RedirectConfig& config) {
  Chain chain{std::string(chains::kRejectOutput),
              BaseHook{Hook::output, kRejectPriority, ChainType::filter},
              {},
              {}};
  if (rejects_quic(config))
    chain.rules.push_back(make_rule(equals(Field::udp_dport, port_key(kQuicPort)),
                                    Goto{std::string(chains::kRejectQuic)},
                                    "QUIC (--reject-quic)"));
  if (!blocks_outbound(config)) return chain;
  const Goto ipv6{std::string(chains::kRejectIpv6)};
  chain.rules.push_back(
      make_rule(is_ipv6() + is_first_segment(), ipv6, "a new connection over IPv6"));
  if (captures_dns(config))
    chain.rules.push_back(make_rule(is_ipv6() + equals(Field::udp_dport, port_key(kDnsServerPort)),
                                    ipv6, "a DNS request over IPv6"));
  return chain;
}

// What guests send is forwarded, so that nothing of it passes by output or input. Not in the NAT
// chain that captures guests: without a rule that translates, NAT of a family sees no packet.
void plan_guests(const RedirectConfig& config, RulesetBuilder& builder) {
  Chain chain{std::string(chains::kBlockGuests),
              BaseHook{Hook::prerouting, kTproxyPriority, ChainType::filter},
              {},
              {}};
  chain.rules.push_back(
      make_rule(in_set(Field::iifname, sets::kVirtualInterfaces) + is_ipv6() + is_first_segment(),
                Goto{std::string(chains::kBlockedGuests)}, "a guest's new connection over IPv6"));
  builder.add_chain(std::move(chain));
  constexpr std::string_view why = "not let past a proxy without IPv6 (--ipv6 block)";
  Chain blocked{std::string(chains::kBlockedGuests), {}, {}, {}};
  if (config.outbound_cidrs.all) {
    blocked.rules.push_back(make_rule({}, Drop{}, why));
  } else {
    DestinationPlan ipv6 = captured_destinations(IpFamily::v6);
    ipv6.name = "blocked_guests_v6";
    ipv6.verdict = Drop{};
    ipv6.rule_comment = why;
    append_destinations(ipv6, builder, blocked.rules);
  }
  builder.add_chain(std::move(blocked));
}

Chain plan_input(const RedirectConfig& config, const RulesetBuilder& builder) {
  Chain chain{std::string(chains::kRejectInput),
              BaseHook{Hook::input, kRejectPriority, ChainType::filter},
              {},
              {}};
  auto& rules = chain.rules;
  rules.push_back(make_rule(is_ipv4(), Return{}, "the proxy has IPv4"));
  rules.push_back(make_rule(is_not_tcp(), Return{}, "only TCP is captured"));
  rules.push_back(
      make_rule(is_not_first_segment(), Return{}, "a connection from before the rules"));
  rules.push_back(make_rule(equals(Field::iifname, name_key("lo")), Return{},
                            "application to its own namespace"));
  if (builder.has_set(sets::kVirtualInterfaces))
    rules.push_back(make_rule(in_set(Field::iifname, sets::kVirtualInterfaces), Return{},
                              "a guest's traffic is outbound traffic (-k)"));
  append_excluded_interfaces(Field::iifname, builder, rules);
  append_inbound_decision(config, builder, Reject{Rejection::tcp_reset}, rules);
  return chain;
}

}  // namespace

void plan_reject(const RedirectConfig& config, RulesetBuilder& builder) {
  if (rejects_quic(config) || blocks_outbound(config)) builder.add_chain(plan_output(config));
  if (blocks_ipv6(config) && builder.has_set(sets::kVirtualInterfaces))
    plan_guests(config, builder);
  if (blocks_inbound(config)) builder.add_chain(plan_input(config, builder));
  if (rejects_quic(config)) plan_quic(config, builder);
  if (blocks_outbound(config)) plan_ipv6(config, builder);
}

}  // namespace weir::init
