// SPDX-License-Identifier: Apache-2.0
// Where captured connections go. The chains that decide lead here by goto, so that the proxy's
// ports and the timeouts are in one place each.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

Rule redirect_to(std::uint16_t port, std::string_view why) {
  return make_rule(is_tcp(), Redirect{port}, why);
}

std::string escape(std::string_view what) {
  return std::string(kEscapePrefix) + " " + std::string(what);
}

Chain plan_to_outbound(const RedirectConfig& config) {
  Chain chain{std::string(chains::kToOutbound), {}, {}, {}};
  auto& rules = chain.rules;
  if (config.ipv6 == Ipv6Mode::ignore)
    rules.push_back(make_rule(is_ipv6(), Return{}, escape("IPv6 (--ipv6 ignore)")));
  rules.push_back(make_rule(is_not_tcp(), Goto{std::string(chains::kEscapes)},
                            "what cannot be redirected leaves, and is counted"));
  if (config.ipv6 == Ipv6Mode::block)
    rules.push_back(make_rule(is_ipv6(), Return{}, "IPv6 is refused later (--ipv6 block)"));
  append_timeouts(config, rules);
  rules.push_back(redirect_to(config.outbound_port, "to the proxy's outbound port (-p)"));
  return chain;
}

Chain plan_to_inbound(const RedirectConfig& config) {
  Chain chain{std::string(chains::kToInbound), {}, {}, {}};
  append_timeouts(config, chain.rules);
  chain.rules.push_back(redirect_to(config.inbound_port, "to the proxy's inbound port (-z)"));
  return chain;
}

// What would have been captured if it were TCP.
Chain plan_escapes(const RedirectConfig& config) {
  Chain chain{std::string(chains::kEscapes), {}, {}, {}};
  const auto quic = equals(Field::udp_dport, port_key(kQuicPort));
  if (config.reject_quic)
    chain.rules.push_back(make_rule(quic, Return{}, "QUIC is refused later (--reject-quic)"));
  else
    chain.rules.push_back(make_rule(quic, Return{}, escape("UDP 443 (QUIC)")));
  chain.rules.push_back(make_rule(is_udp(), Return{}, escape("UDP to other ports")));
  chain.rules.push_back(make_rule({}, Return{}, escape("other protocols")));
  return chain;
}

bool has_timeouts(const RedirectConfig& config) {
  return config.close_wait_timeout != 0 &&
         (captures_outbound(config) || redirects_inbound(config) || is_tproxy(config) ||
          !config.virtual_networks.empty());
}

void add_timeouts(const RedirectConfig& config, RulesetBuilder& builder) {
  if (!has_timeouts(config)) return;
  builder.add_timeout({std::string(kTimeoutV4), IpFamily::v4, config.close_wait_timeout, {}});
  if (config.ipv6 == Ipv6Mode::capture)
    builder.add_timeout({std::string(kTimeoutV6), IpFamily::v6, config.close_wait_timeout, {}});
}

}  // namespace

void append_timeouts(const RedirectConfig& config, std::vector<Rule>& rules) {
  if (!has_timeouts(config)) return;
  // A half-closed connection that is forgotten after the kernel's 60 s comes back untranslated.
  constexpr std::string_view why = "a half-closed connection is remembered longer";
  rules.push_back(make_rule(is_ipv4() + is_tcp(), SetTimeout{std::string(kTimeoutV4)}, why));
  if (config.ipv6 == Ipv6Mode::capture)
    rules.push_back(make_rule(is_ipv6() + is_tcp(), SetTimeout{std::string(kTimeoutV6)}, why));
}

void plan_redirects(const RedirectConfig& config, RulesetBuilder& builder) {
  add_timeouts(config, builder);
  if (redirects_inbound(config)) builder.add_chain(plan_to_inbound(config));
  if (!captures_outbound(config) && config.virtual_networks.empty()) return;
  builder.add_chain(plan_to_outbound(config));
  builder.add_chain(plan_escapes(config));
}

}  // namespace weir::init
