// SPDX-License-Identifier: Apache-2.0
// Networks of guests (--virtual-networks). What comes in there and goes elsewhere is outbound, with
// its DNS requests; what goes to the network itself is inbound like all other.
#include <algorithm>

#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

std::string set_name(std::size_t number, std::string_view part) {
  return "virtual_network_" + std::to_string(number + 1) + "_" + std::string(part);
}

// The order in which they are given means nothing: the same networks give the same rules.
std::vector<VirtualNetwork> ordered(const RedirectConfig& config) {
  std::vector<VirtualNetwork> networks = config.virtual_networks;
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  return networks;
}

bool is_captured(const VirtualNetwork& network, const RedirectConfig& config) {
  return network.local.address().is_v4() || config.ipv6 != Ipv6Mode::ignore;
}

bool is_blocked(const VirtualNetwork& network, const RedirectConfig& config) {
  return !network.local.address().is_v4() && config.ipv6 == Ipv6Mode::block;
}

Matches comes_in(std::size_t number) {
  return in_set(Field::iifname, set_name(number, "interface"));
}

Matches goes_elsewhere(const VirtualNetwork& network, std::size_t number) {
  return not_in_set(network.local.address().is_v4() ? Field::ip_daddr : Field::ip6_daddr,
                    set_name(number, "local"));
}

}  // namespace

void add_virtual_network_sets(const RedirectConfig& config, RulesetBuilder& builder) {
  const auto networks = ordered(config);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const VirtualNetwork& network = networks[i];
    if (!is_captured(network, config)) continue;
    const bool v4 = network.local.address().is_v4();
    builder.add_set(set_name(i, "interface"), KeyType::ifname,
                    "interface of guests (--virtual-networks)",
                    interface_intervals({network.interface}));
    builder.add_set(set_name(i, "local"), v4 ? KeyType::ipv4_addr : KeyType::ipv6_addr,
                    "network of guests (--virtual-networks)",
                    aggregate({network.local}, v4 ? IpFamily::v4 : IpFamily::v6));
  }
}

void append_virtual_networks(const RedirectConfig& config, std::vector<Rule>& rules) {
  const auto networks = ordered(config);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const VirtualNetwork& network = networks[i];
    if (!is_captured(network, config)) continue;
    const Matches family = network.local.address().is_v4() ? is_ipv4() : is_ipv6();
    if (is_blocked(network, config)) {
      rules.push_back(make_rule(comes_in(i) + goes_elsewhere(network, i), Drop{},
                                "IPv6 of guests is not let past a proxy without it (--ipv6)"));
      continue;
    }
    rules.push_back(
        make_rule(comes_in(i) + family + equals(Field::udp_dport, port_key(kDnsServerPort)),
                  Redirect{config.dns.port}, "DNS requests of guests (--virtual-networks)"));
    rules.push_back(make_rule(comes_in(i) + is_tcp() + goes_elsewhere(network, i),
                              Goto{std::string(chains::kToOutbound)},
                              "a guest's traffic is outbound traffic (--virtual-networks)"));
  }
}

void append_virtual_networks_left_out(const RedirectConfig& config, std::vector<Rule>& rules) {
  const auto networks = ordered(config);
  for (std::size_t i = 0; i < networks.size(); ++i)
    if (is_captured(networks[i], config))
      rules.push_back(make_rule(comes_in(i) + goes_elsewhere(networks[i], i), Return{},
                                "a guest's traffic is outbound traffic (--virtual-networks)"));
}

}  // namespace weir::init
