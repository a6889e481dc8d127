// SPDX-License-Identifier: Apache-2.0
// What arrives from outside. Order is meaning: the first rule that decides wins.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

Chain plan_prerouting(const RedirectConfig& config, const RulesetBuilder& builder) {
  Chain chain{std::string(chains::kPrerouting), BaseHook{Hook::prerouting, kNatPriority}, {}, {}};
  auto& rules = chain.rules;
  const bool redirects = !config.inbound_ports.empty() && !is_tproxy(config);
  if (redirects || !config.virtual_interfaces.empty() || !config.virtual_networks.empty())
    rules.push_back(leave_running_connections());
  // Virtual interfaces come before excluded ones: an interface in both lists is a guest's.
  if (builder.has_set(sets::kVirtualInterfaces))
    rules.push_back(make_rule(in_set(Field::iifname, sets::kVirtualInterfaces),
                              Goto{std::string(chains::kVirtualInbound)},
                              "a guest's traffic is outbound traffic (-k)"));
  append_virtual_networks(config, rules);
  if (redirects) append_uncaptured_ipv6(config, rules);
  append_excluded_interfaces(Field::iifname, builder, rules);
  if (redirects)
    append_inbound_decision(config, builder, Goto{std::string(chains::kToInbound)}, rules);
  return chain;
}

// -i '*', or the lists: what a guest may reach only through the proxy.
void append_guest_destinations(const RedirectConfig& config, RulesetBuilder& builder,
                               std::vector<Rule>& rules) {
  if (config.outbound_cidrs.all) {
    rules.push_back(make_rule(is_tcp(), Goto{std::string(chains::kToOutbound)},
                              "everything a guest opens (-i '*')"));
    return;
  }
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
    append_destinations(captured_destinations(family), builder, rules);
}

Chain plan_virtual_inbound(const RedirectConfig& config, RulesetBuilder& builder) {
  Chain chain{std::string(chains::kVirtualInbound), {}, {}, {}};
  auto& rules = chain.rules;
  rules.push_back(make_rule(is_not_tcp(), Return{}, "of guests only TCP is redirected"));
  append_uncaptured_ipv6(config, rules);
  append_guest_destinations(config, builder, rules);
  rules.push_back(make_rule({}, Return{}, "all other traffic of guests is left alone"));
  return chain;
}

}  // namespace

void append_excluded_interfaces(Field field, const RulesetBuilder& builder,
                                std::vector<Rule>& rules) {
  if (builder.has_set(sets::kExcludedInterfaces))
    rules.push_back(
        make_rule(in_set(field, sets::kExcludedInterfaces), Return{}, "excluded interface (-c)"));
}

void append_uncaptured_ipv6(const RedirectConfig& config, std::vector<Rule>& rules) {
  if (config.ipv6 == Ipv6Mode::block)
    rules.push_back(
        make_rule(is_ipv6(), Return{}, "IPv6 is not let past the proxy (--ipv6 block)"));
  if (config.ipv6 == Ipv6Mode::ignore)
    rules.push_back(make_rule(is_ipv6(), Return{}, "IPv6 is not looked at (--ipv6 ignore)"));
}

void append_inbound_decision(const RedirectConfig& config, const RulesetBuilder& builder,
                             const Verdict& capture, std::vector<Rule>& rules) {
  if (config.inbound_ports.empty()) return;
  for (const auto& [field, set] : {std::pair{Field::ip_saddr, sets::kExcludedSourcesV4},
                                   std::pair{Field::ip6_saddr, sets::kExcludedSourcesV6}})
    if (builder.has_set(set))
      rules.push_back(
          make_rule(in_set(field, set), Return{}, "excluded client (--exclude-inbound-cidrs)"));
  // The proxy itself listens on the tunnel port, so that must be reached directly.
  if (config.tunnel_port != 0)
    rules.push_back(make_rule(equals(Field::tcp_dport, port_key(config.tunnel_port)), Return{},
                              "tunnel port: the proxy listens there itself (-e)"));
  if (builder.has_set(sets::kInboundPorts))
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kInboundPorts), capture,
                              "captured inbound port (-b)"));
  if (builder.has_set(sets::kInboundExcludedPorts))
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kInboundExcludedPorts), Return{},
                              "excluded inbound port (-d)"));
  if (config.inbound_ports.is_all())
    rules.push_back(make_rule(is_tcp(), capture, "all other inbound (-b '*')"));
}

void plan_inbound(const RedirectConfig& config, RulesetBuilder& builder) {
  builder.add_chain(plan_prerouting(config, builder));
  if (!config.virtual_interfaces.empty()) builder.add_chain(plan_virtual_inbound(config, builder));
}

}  // namespace weir::init
