// SPDX-License-Identifier: Apache-2.0
#include "init/verify/probe.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <tuple>

#include "init/verify/candidates.hpp"

namespace weir::init {
namespace {

// A rule that only counts or logs changes nothing that a packet could show.
bool can_have_effect(const Rule& rule) { return !std::holds_alternative<Continue>(rule.verdict); }

// What of a decision can be seen from outside.
auto visible(const Decision& decision) {
  return std::tuple(decision.landing, decision.port, decision.zone, decision.ct_mark);
}

bool is_plain_udp(const Packet& packet) { return packet.protocol == IPPROTO_UDP; }

// Packets that cannot be sent, or whose fate cannot be seen.
bool can_be_tried(const Packet& packet) {
  if (is_plain_udp(packet))
    return packet.tcp_flags == kTcpSyn && packet.ct_state == kCtStateNew && packet.proxy_listens;
  // A lone segment answers no question about who listens.
  return packet.tcp_flags == kTcpSyn || packet.proxy_listens;
}

class Search {
 public:
  Search(const Ruleset& rules, const ProbeFacts& facts) : rules_(rules), facts_(facts) {
    for (const Chain& chain : rules_.chains)
      for (std::size_t i = 0; i < chain.rules.size(); ++i)
        if (can_have_effect(chain.rules[i])) unproved_.emplace_back(chain.name, i);
  }

  // @return whether more is wanted.
  bool take(const Packet& packet) {
    if (!can_be_tried(packet)) return true;
    Decision decision = evaluate(rules_, packet);
    Probe probe{packet, std::move(decision), {}, false, passes_by(packet)};
    for (const RulePlace& place : probe.expected.matched)
      if (is_unproved(place) && changes_without(place, probe)) probe.proves.push_back(place);
    const bool plain = ++seen_ <= kPlainPackets;
    if (probe.proves.empty() && !plain) return true;
    for (const RulePlace& place : probe.proves) unproved_.erase(find(place));
    choice_.probes.push_back(std::move(probe));
    return !unproved_.empty() || seen_ < kPlainPackets;
  }

  ProbeChoice finish() {
    for (auto& [chain, rule] : unproved_) choice_.without_effect.push_back({chain, rule});
    return std::move(choice_);
  }

 private:
  // The first candidates: one in each direction and family.
  static constexpr std::size_t kPlainPackets = 4;
  using Places = std::vector<std::pair<std::string, std::size_t>>;

  Places::iterator find(const RulePlace& place) {
    return std::find(unproved_.begin(), unproved_.end(), std::pair(place.chain, place.rule));
  }
  bool is_unproved(const RulePlace& place) { return find(place) != unproved_.end(); }

  bool changes_without(const RulePlace& place, const Probe& probe) {
    const auto chain = std::find_if(rules_.chains.begin(), rules_.chains.end(),
                                    [&](const Chain& one) { return one.name == place.chain; });
    auto& matches = chain->rules[place.rule].matches;
    matches.emplace_back(Opaque{});  // never matches
    const Decision without = evaluate(rules_, probe.packet);
    matches.pop_back();
    return visible(without) != visible(probe.expected);
  }

  [[nodiscard]] bool passes_by(const Packet& packet) const {
    return packet.inbound &&
           std::none_of(facts_.links.begin(), facts_.links.end(), [&](const ProbeLink& link) {
             return link.v4 == packet.destination || link.v6 == packet.destination;
           });
  }

  Ruleset rules_;
  const ProbeFacts& facts_;
  Places unproved_;
  ProbeChoice choice_;
  std::size_t seen_ = 0;
};

std::string name_in(const Key& key) {
  const char* text = reinterpret_cast<const char*>(key.bytes.data());
  return {text, strnlen(text, key.bytes.size())};
}

// A free name that the interval holds, if there is one.
std::string free_name(const Interval& interval, const std::vector<std::string>& taken) {
  const auto is_free = [&](const std::string& name) {
    return std::find(taken.begin(), taken.end(), name) == taken.end();
  };
  constexpr std::size_t kNameMax = 15;
  const std::string first = name_in(interval.first);
  if (interval.first == interval.last) return is_free(first) ? first : std::string();
  for (const char* tail : {"-weir", "-wp", "w", "x", "y", "z"})
    if (const std::string name = first + tail; name.size() <= kNameMax && is_free(name))
      return name;
  return {};
}

// The first operand of each rule on an interface that a name can be found for.
std::string name_for(const Ruleset& rules, const Match& match,
                     const std::vector<std::string>& taken) {
  std::vector<Interval> intervals;
  if (const auto* key = std::get_if<Key>(&match.operand)) intervals.push_back({*key, *key});
  if (const auto* list = std::get_if<std::vector<Interval>>(&match.operand)) intervals = *list;
  if (const auto* name = std::get_if<SetName>(&match.operand))
    if (const Set* set = rules.find_set(name->name)) intervals = set->elements;
  // Patterns first: a name of their own disturbs nobody.
  std::stable_partition(intervals.begin(), intervals.end(),
                        [](const Interval& one) { return one.first != one.last; });
  for (const Interval& interval : intervals)
    if (auto name = free_name(interval, taken); !name.empty() && name != "lo") return name;
  return {};
}

std::string_view text_of(const Packet& packet) {
  if (packet.protocol == IPPROTO_UDP) return "UDP";
  if (packet.tcp_flags == kTcpSyn) return "TCP";
  return packet.ct_state == kCtStateInvalid ? "TCP (invalid segment)" : "TCP (running connection)";
}

}  // namespace

ProbeChoice choose_probes(const Ruleset& rules, const ProbeFacts& facts) {
  Search search(rules, facts);
  for_each_candidate(rules, facts, [&](const Packet& packet) { return search.take(packet); });
  return search.finish();
}

std::vector<std::string> interface_names(const Ruleset& rules,
                                         const std::vector<std::string>& taken) {
  std::set<std::string> names;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules)
      for (const auto& part : rule.matches)
        if (const auto* match = std::get_if<Match>(&part))
          if (key_type(match->field) == KeyType::ifname)
            if (auto name = name_for(rules, *match, taken); !name.empty()) names.insert(name);
  return {names.begin(), names.end()};
}

std::string describe(const Packet& packet) {
  std::string text = packet.inbound ? "in by " : "out ";
  if (packet.inbound) text += packet.in_interface + ", ";
  text += packet.destination.is_v4() ? "IPv4 " : "IPv6 ";
  text += text_of(packet);
  if (packet.uid) text += ", uid " + std::to_string(*packet.uid);
  if (packet.gid) text += ", gid " + std::to_string(*packet.gid);
  text += ", " + packet.source.to_string();
  text += " to " + Endpoint{packet.destination, packet.destination_port}.to_string();
  if (!packet.inbound && packet.out_interface == "lo") text += " (own namespace)";
  if (!packet.proxy_listens) text += ", nobody listens yet";
  return text;
}

std::string describe(const Decision& decision) {
  switch (decision.landing) {
    case Landing::direct:
      return "direct";
    case Landing::redirected:
      return "redirected to " + std::to_string(decision.port);
    case Landing::transparent:
      return "delivered unchanged to " + std::to_string(decision.port);
    case Landing::dropped:
      return "dropped";
    case Landing::rejected:
      return "refused";
  }
  return {};
}

}  // namespace weir::init
