// SPDX-License-Identifier: Apache-2.0
// What arrives from outside. Order is meaning: the first rule that decides wins.
#include "init/interval.hpp"
#include "init/plan.hpp"

namespace weir::init {

Chain plan_prerouting(const RedirectConfig& config, RulesetBuilder& builder) {
  Chain chain{std::string(chains::kPrerouting), BaseHook{Hook::prerouting, kNatPriority}, {}, {}};
  auto& rules = chain.rules;
  if (!config.inbound_ports.empty() || !config.virtual_interfaces.empty())
    rules.push_back(leave_running_connections());
  // Virtual interfaces come before excluded ones: an interface in both lists is a guest's.
  if (builder.add_set(sets::kVirtualInterfaces, KeyType::ifname, "interfaces of guests (-k)",
                      interface_intervals(config.virtual_interfaces)))
    rules.push_back(make_rule(in_set(Field::iifname, sets::kVirtualInterfaces),
                              Goto{std::string(chains::kVirtualInbound)},
                              "a guest's traffic is outbound traffic (-k)"));
  if (builder.add_set(sets::kExcludedInterfaces, KeyType::ifname, "interfaces left alone (-c)",
                      interface_intervals(config.excluded_interfaces)))
    rules.push_back(make_rule(in_set(Field::iifname, sets::kExcludedInterfaces), Return{},
                              "excluded interface (-c)"));
  if (config.inbound_ports.empty()) return chain;

  // The proxy itself listens on the tunnel port, so that must be reached directly.
  rules.push_back(make_rule(equals(Field::tcp_dport, port_key(config.tunnel_port)), Return{},
                            "tunnel port: the proxy listens there itself (-e)"));
  if (!config.inbound_ports.is_all()) {
    builder.add_set(sets::kInboundPorts, KeyType::inet_service, "captured inbound ports (-b)",
                    port_intervals(config.inbound_ports));
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kInboundPorts),
                              Redirect{config.inbound_port}, "captured inbound port (-b)"));
    return chain;
  }
  if (builder.add_set(sets::kInboundExcludedPorts, KeyType::inet_service,
                      "inbound ports left alone (-d)",
                      port_intervals(config.inbound_excluded_ports)))
    rules.push_back(make_rule(in_set(Field::tcp_dport, sets::kInboundExcludedPorts), Return{},
                              "excluded inbound port (-d)"));
  rules.push_back(make_rule(is_tcp(), Redirect{config.inbound_port}, "all other inbound (-b '*')"));
  return chain;
}

Chain plan_virtual_inbound(const RedirectConfig& config, const RulesetBuilder& builder) {
  Chain chain{std::string(chains::kVirtualInbound), {}, {}, {}};
  const Redirect to_proxy{config.outbound_port};
  if (config.outbound_cidrs.all)
    chain.rules.push_back(make_rule(is_tcp(), to_proxy, "everything a guest opens (-i '*')"));
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
    append_destination_rule(captured_destinations(config, family), builder, chain.rules);
  chain.rules.push_back(make_rule({}, Return{}, "all other traffic of guests is left alone"));
  return chain;
}

}  // namespace weir::init
