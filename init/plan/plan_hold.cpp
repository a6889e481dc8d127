// SPDX-License-Identifier: Apache-2.0
// Input: connections wait until the proxy listens; packets that belong to no connection are
// dropped before anybody sees them.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

std::vector<std::uint16_t> redirect_ports(const RedirectConfig& config) {
  std::vector<std::uint16_t> ports;
  if (captures_outbound(config)) ports.push_back(config.outbound_port);
  // Without inbound ports the proxy may have no inbound listener at all, and its own connections
  // would wait for one for ever.
  if (redirects_inbound(config) && !config.inbound_ports.empty())
    ports.push_back(config.inbound_port);
  if (captures_dns(config)) ports.push_back(config.dns.port);
  return ports;
}

std::vector<Interval> port_elements(std::vector<std::uint16_t> ports) {
  std::vector<Interval> elements;
  for (const std::uint16_t port : ports) elements.push_back({port_key(port), port_key(port)});
  merge_intervals(elements, key_size(KeyType::inet_service));
  return elements;
}

}  // namespace

// A client whose first segment is dropped sends it again (after 1 s, 3 s, …): connect() waits,
// where an answer of nobody would refuse it.
void plan_hold(const RedirectConfig& config, RulesetBuilder& builder) {
  const auto ports = redirect_ports(config);
  if (!config.hold_until_listening || ports.empty()) return;
  builder.add_set(sets::kProxyPorts, KeyType::inet_service, "where redirected connections arrive",
                  port_elements(ports));
  Chain chain{
      std::string(chains::kHold), BaseHook{Hook::input, kHoldPriority, ChainType::filter}, {}, {}};
  Matches first = is_first_segment();
  first.emplace_back(Match{Field::tcp_dport, false, SetName{std::string(sets::kProxyPorts)}});
  chain.rules.push_back(make_rule(std::move(first), Goto{std::string(chains::kHeld)},
                                  "a new connection for the proxy"));
  builder.add_chain(std::move(chain));

  constexpr std::string_view listens = "somebody listens";
  Chain held{std::string(chains::kHeld), {}, {}, {}};
  for (const std::uint8_t transparent : {0, 1})
    held.rules.push_back(
        make_rule(equals(Field::socket_transparent, byte_key(transparent)), Accept{}, listens));
  held.rules.push_back(make_rule({}, Drop{}, "nobody listens yet: the client will try again"));
  builder.add_chain(std::move(held));
}

// A segment outside the window is not translated: the application would see a connection that it
// does not know, and end it with RST.
void plan_drop_invalid(const RedirectConfig& config, RulesetBuilder& builder) {
  if (!config.drop_invalid) return;
  Chain chain{std::string(chains::kDropInvalid),
              BaseHook{Hook::prerouting, kInvalidPriority, ChainType::filter},
              {},
              {}};
  if (config.ipv6 == Ipv6Mode::ignore) append_uncaptured_ipv6(config, chain.rules);
  append_excluded_interfaces(Field::iifname, builder, chain.rules);
  chain.rules.push_back(make_rule(equals(Field::ct_state, id_key(kCtStateInvalid)), Drop{},
                                  "belongs to no connection (--drop-invalid)"));
  builder.add_chain(std::move(chain));
}

}  // namespace weir::init
