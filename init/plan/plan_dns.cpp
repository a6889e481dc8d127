// SPDX-License-Identifier: Apache-2.0
// DNS capture: which requests go to the proxy's DNS port, and in which connection tracking zone.
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

// The servers of one family, or everybody.
std::vector<Matches> server_matches(const RedirectConfig& config, const RulesetBuilder& builder) {
  const bool ipv6 = config.ipv6 == Ipv6Mode::capture;
  if (config.dns.scope == DnsScope::all) return {ipv6 ? Matches{} : is_ipv4()};
  std::vector<Matches> matches;
  if (builder.has_set(sets::kDnsServersV4))
    matches.push_back(in_set(Field::ip_daddr, sets::kDnsServersV4));
  if (ipv6 && builder.has_set(sets::kDnsServersV6))
    matches.push_back(in_set(Field::ip6_daddr, sets::kDnsServersV6));
  return matches;
}

}  // namespace

// After the proxy's identity and the groups, before lo is let through: a resolver on lo is captured
// like any other.
void append_dns_redirects(const RedirectConfig& config, const RulesetBuilder& builder,
                          std::vector<Rule>& rules) {
  if (!captures_dns(config)) return;
  for (const Field port : {Field::udp_dport, Field::tcp_dport})
    for (const Matches& server : server_matches(config, builder))
      rules.push_back(make_rule(server + equals(port, port_key(kDnsServerPort)),
                                Redirect{config.dns.port}, "DNS request (--redirect-dns)"));
}

// NAT is decided once per connection, and a UDP "connection" is a pair of addresses and ports: a
// request of the proxy and a captured one that happen to use the same ones would share a decision.
// So captured requests, and the proxy's answers to them, are looked up in a zone of their own.
void plan_dns_zones(const RedirectConfig& config, RulesetBuilder& builder) {
  if (!captures_dns(config) || !config.dns.split_zones) return;
  Chain chain{std::string(chains::kDnsZonesOutput),
              BaseHook{Hook::output, kZonePriority, ChainType::filter},
              {},
              {}};
  auto& rules = chain.rules;
  const SetZone zone{kDnsZone};
  rules.push_back(make_rule(leaves_by_lo() + equals(Field::udp_sport, port_key(config.dns.port)),
                            zone, "the proxy answers a captured DNS request"));
  rules.push_back(make_rule(is_tcp(), Return{}, "only UDP needs zones"));
  append_excluded_interfaces(Field::oifname, builder, rules);
  append_user_exclusions(config, builder, true, rules);
  append_proxy_identity(Return{}, builder, rules);
  append_owner_groups(config.owner_groups, builder, Goto{std::string(chains::kDnsZonesRequests)},
                      rules);
  builder.add_chain(std::move(chain));

  Chain requests{std::string(chains::kDnsZonesRequests), {}, {}, {}};
  for (const Matches& server : server_matches(config, builder))
    requests.rules.push_back(
        make_rule(server + equals(Field::udp_dport, port_key(kDnsServerPort)), zone,
                  "captured DNS requests are kept apart from the proxy's own"));
  builder.add_chain(std::move(requests));
}

}  // namespace weir::init
