// SPDX-License-Identifier: Apache-2.0
// Rule sets and packets in a few words, for tests of the walk over them.
#pragma once

#include "init/plan/plan.hpp"
#include "init/rules/evaluate.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

inline Rule rule(std::vector<std::variant<Match, Opaque>> matches, Verdict verdict) {
  return Rule{std::move(matches), std::move(verdict), "", true};
}
inline Rule always(Verdict verdict) { return rule({}, std::move(verdict)); }
inline Match dport(std::uint16_t port) { return {Field::tcp_dport, false, port_key(port)}; }

inline Chain nat(Hook hook, std::vector<Rule> rules, int priority = kNatPriority,
                 std::string name = "nat") {
  return {std::move(name), BaseHook{hook, priority, ChainType::nat, {}}, std::move(rules), {}};
}
inline Chain filter(Hook hook, int priority, std::vector<Rule> rules, std::string name = "filter") {
  return {std::move(name), BaseHook{hook, priority, ChainType::filter, {}}, std::move(rules), {}};
}
inline Chain regular(std::string name, std::vector<Rule> rules) {
  return {std::move(name), {}, std::move(rules), {}};
}
inline Ruleset ruleset(std::vector<Chain> chains) {
  Ruleset rules;
  rules.chains = std::move(chains);
  return rules;
}

inline Packet outbound(std::string_view to = "198.51.100.7", std::uint16_t port = 443) {
  Packet packet;
  packet.destination = ip(to);
  packet.source = packet.destination.is_v4() ? ip("198.51.100.1") : ip("2001:db8::1");
  packet.source_port = 40000;
  packet.destination_port = port;
  packet.out_interface = "eth0";
  packet.uid = 1000;
  packet.gid = 1000;
  return packet;
}
inline Packet inbound(std::uint16_t port = 80) {
  Packet packet = outbound("198.51.100.1", port);
  packet.inbound = true;
  packet.source = ip("198.51.100.7");
  packet.out_interface.clear();
  packet.in_interface = "eth0";
  packet.uid.reset();
  packet.gid.reset();
  return packet;
}

inline std::vector<RulePlace> places(
    std::initializer_list<std::pair<const char*, std::size_t>> list) {
  std::vector<RulePlace> places;
  for (const auto& [chain, index] : list) places.push_back({chain, index});
  return places;
}

}  // namespace weir::init
