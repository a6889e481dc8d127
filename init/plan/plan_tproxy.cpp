// SPDX-License-Identifier: Apache-2.0
// TPROXY mode: inbound connections reach the proxy as they are, client address and all. Three marks
// under the mask tell packets apart (0 is nobody's):
//   mark      on a packet: the policy route delivers it to this namespace, whatever its
//             destination. The proxy sets it on its connections to the application that carry the
//             client's address.
//   mark      on a connection: such a connection; the application's answers get the packet mark,
//             or they would leave for the client.
//   mark + 1  on a packet that leaves by lo: the proxy calls an address of its own namespace.
//   mark + 1  on a connection: the proxy's transparent socket took it.
// Source of the mechanism: Documentation/networking/tproxy.rst.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

std::uint32_t second_mark(const TproxyMarks& marks) { return marks.mark + 1; }

// What belongs to a connection that the marks know. Not by ESTABLISHED: that would catch
// forwarded connections and those from before the rules.
void append_known_connections(const TproxyMarks& marks, std::vector<Rule>& rules) {
  rules.push_back(
      make_rule(is_not_first_segment() + has_mark(Field::ct_mark, second_mark(marks), marks),
                SetMark{marks.mark, marks.mask}, "of a connection that the proxy took"));
  rules.push_back(make_rule(is_not_first_segment(), Return{}, "decided by the first segment"));
  rules.push_back(
      make_rule(equals(Field::iifname, name_key("lo")) + has_mark(Field::mark, marks.mark, marks),
                Goto{std::string(chains::kToApplication)},
                "the proxy to the application, with the client's address"));
}

void append_loopback(const RedirectConfig& config, std::vector<Rule>& rules) {
  const Matches by_lo = equals(Field::iifname, name_key("lo"));
  append_passthrough(Field::iifname, rules);
  if (config.own_address == OwnAddress::inbound)
    rules.push_back(
        make_rule(by_lo + has_mark(Field::mark, second_mark(config.tproxy), config.tproxy),
                  Goto{std::string(chains::kToTransparent)},
                  "proxy to own address: in through the inbound port"));
  rules.push_back(make_rule(by_lo, Return{}, "application to its own namespace"));
}

Chain plan_prerouting(const RedirectConfig& config, const RulesetBuilder& builder) {
  Chain chain{std::string(chains::kTproxyPrerouting),
              BaseHook{Hook::prerouting, kTproxyPriority, ChainType::filter},
              {},
              {}};
  auto& rules = chain.rules;
  rules.push_back(make_rule(is_not_tcp(), Return{}, "only TCP goes to the proxy"));
  append_uncaptured_ipv6(config, rules);
  append_known_connections(config.tproxy, rules);
  if (builder.has_set(sets::kVirtualInterfaces))
    rules.push_back(make_rule(in_set(Field::iifname, sets::kVirtualInterfaces), Return{},
                              "a guest's traffic is outbound traffic (-k)"));
  append_virtual_networks_left_out(config, rules);
  append_excluded_interfaces(Field::iifname, builder, rules);
  append_loopback(config, rules);
  append_inbound_decision(config, builder, Goto{std::string(chains::kToTransparent)}, rules);
  return chain;
}

Chain plan_to_transparent(const RedirectConfig& config) {
  Chain chain{std::string(chains::kToTransparent), {}, {}, {}};
  const TproxyMarks& marks = config.tproxy;
  append_timeouts(config, chain.rules);
  chain.rules.push_back(make_rule({}, SetCtMark{second_mark(marks), marks.mask},
                                  "the segments that follow go the same way"));
  chain.rules.push_back(make_rule(is_tcp(), Tproxy{config.inbound_port, marks.mark, marks.mask},
                                  "to the proxy's inbound port (-z)"));
  // The client tries again. A refusal or the application's own answer would be worse.
  chain.rules.push_back(make_rule({}, Drop{}, "the proxy does not listen yet"));
  return chain;
}

Chain plan_to_application(const TproxyMarks& marks) {
  return Chain{std::string(chains::kToApplication),
               {},
               {make_rule({}, SetCtMark{marks.mark, marks.mask},
                          "the application's answers come back to the proxy")},
               {}};
}

Chain plan_output(const RedirectConfig& config, const RulesetBuilder& builder) {
  Chain chain{std::string(chains::kTproxyOutput),
              BaseHook{Hook::output, kTproxyPriority, ChainType::route},
              {},
              {}};
  auto& rules = chain.rules;
  const TproxyMarks& marks = config.tproxy;
  rules.push_back(make_rule(is_not_tcp(), Return{}, "only TCP goes to the proxy"));
  rules.push_back(make_rule(has_mark(Field::ct_mark, marks.mark, marks),
                            SetMark{marks.mark, marks.mask},
                            "the application answers a proxy that uses the client's address"));
  rules.push_back(make_rule(has_mark(Field::mark, marks.mark, marks), Return{},
                            "the mark leads to this namespace"));
  if (config.own_address == OwnAddress::direct) return chain;
  append_uncaptured_ipv6(config, rules);
  rules.push_back(make_rule(is_not_first_segment(), Return{}, "decided by the first segment"));
  append_outbound_exclusions(config, builder, false, rules);
  append_proxy_identity(Goto{std::string(chains::kTproxyProxyOutput)}, builder, rules);
  return chain;
}

Chain plan_proxy_output(const RedirectConfig& config) {
  Chain chain{std::string(chains::kTproxyProxyOutput), {}, {}, {}};
  append_own_address(config, SetMark{second_mark(config.tproxy), config.tproxy.mask}, chain.rules);
  return chain;
}

}  // namespace

void plan_tproxy(const RedirectConfig& config, RulesetBuilder& builder) {
  if (!is_tproxy(config)) return;
  builder.add_chain(plan_prerouting(config, builder));
  builder.add_chain(plan_output(config, builder));
  builder.add_chain(plan_to_transparent(config));
  builder.add_chain(plan_to_application(config.tproxy));
  if (config.own_address == OwnAddress::inbound) builder.add_chain(plan_proxy_output(config));
}

}  // namespace weir::init
