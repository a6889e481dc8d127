// SPDX-License-Identifier: Apache-2.0
#include "init/explain/rule_reason.hpp"

#include <cassert>
#include <string_view>

#include "init/rules/interval.hpp"
#include "init/rules/render.hpp"

namespace weir::init {
namespace {

// What a person calls the field of a packet.
std::string_view field_words(Field field) {
  switch (field) {
    case Field::nfproto:
      return "family";
    case Field::l4proto:
      return "protocol";
    case Field::iifname:
      return "incoming interface";
    case Field::oifname:
      return "outgoing interface";
    case Field::skuid:
    case Field::skuid_range:
      return "user";
    case Field::skgid:
      return "group";
    case Field::ip_saddr:
    case Field::ip6_saddr:
      return "source";
    case Field::ip_daddr:
    case Field::ip6_daddr:
      return "destination";
    case Field::tcp_dport:
    case Field::udp_dport:
      return "port";
    case Field::udp_sport:
      return "source port";
    case Field::tcp_flags:
      return "TCP flags";
    case Field::mark:
      return "mark";
    case Field::ct_mark:
      return "mark of the connection";
    case Field::ct_state:
      return "state of the connection";
    case Field::socket_transparent:
      return "socket that takes it";
  }
  assert(false);
  return {};
}

std::string operand_text(const Match& match) {
  const KeyType type = key_type(match.field);
  if (const auto* set = std::get_if<SetName>(&match.operand)) return "in @" + set->name;
  if (const auto* key = std::get_if<Key>(&match.operand))
    return render_interval(type, {*key, *key});
  std::string text;
  for (const Interval& interval : std::get<std::vector<Interval>>(match.operand))
    text += (text.empty() ? "" : ", ") + render_interval(type, interval);
  return text;
}

std::string value_text(Field field, const Key& key) {
  if (field == Field::iifname || field == Field::oifname)
    if (key == Key{}) return "none";
  return render_interval(key_type(field), {key, key});
}

const Rule& rule_at(const Ruleset& rules, const RulePlace& place) {
  return rules.find_chain(place.chain)->rules[place.rule];
}

}  // namespace

std::string place_text(const RulePlace& place) {
  return "chain " + place.chain + ", rule " + std::to_string(place.rule + 1);
}

std::string reason_text(const Rule& rule, const RuleVisit& visit) {
  if (!visit.failed_match) return {};
  const auto* match = std::get_if<Match>(&rule.matches[*visit.failed_match]);
  if (match == nullptr) return "it has a match that cannot be read";
  const std::string field(field_words(match->field));
  if (!visit.seen)
    return match->field == Field::socket_transparent ? "no socket takes it" : "no " + field;
  return field + " " + value_text(match->field, *visit.seen) +
         (match->negated ? "" : ", not " + operand_text(*match));
}

std::string verdict_text(const Rule& rule) {
  Rule bare;
  bare.verdict = rule.verdict;
  bare.counter = false;
  return render_rule(bare);
}

std::string visit_text(const Ruleset& rules, const RuleVisit& visit) {
  const Rule& rule = rule_at(rules, visit.place);
  const std::string what = visit.failed_match ? reason_text(rule, visit) : verdict_text(rule);
  return std::string(visit.failed_match ? "  - " : "  + ") + visit.place.chain + " " +
         std::to_string(visit.place.rule + 1) + ": " + rule.comment + ": " + what;
}

}  // namespace weir::init
