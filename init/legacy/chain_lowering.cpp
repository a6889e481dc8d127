// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/chain_lowering.hpp"

#include <algorithm>
#include <cassert>

#include "init/legacy/address_tree.hpp"

namespace weir::init {
namespace {

// A product of alternatives up to this many rules is written out; a longer one becomes chains.
constexpr std::size_t kProductMax = 16;

bool ends_chain(const Verdict& verdict) {
  return !std::holds_alternative<Continue>(verdict) && !std::holds_alternative<SetMark>(verdict) &&
         !std::holds_alternative<SetCtMark>(verdict) && !std::holds_alternative<SetZone>(verdict);
}

bool is_address(Field field) {
  const KeyType type = key_type(field);
  return type == KeyType::ipv4_addr || type == KeyType::ipv6_addr;
}

std::vector<std::variant<Match, Opaque>> as_items(const std::vector<Match>& matches) {
  return {matches.begin(), matches.end()};
}

// The kernel's targets compute (mark & ~mask) ^ value; with the value's bits in the mask that is
// what a plan means.
Verdict with_whole_mask(Verdict verdict) {
  if (auto* mark = std::get_if<SetMark>(&verdict)) mark->mask |= mark->value;
  if (auto* mark = std::get_if<SetCtMark>(&verdict)) mark->mask |= mark->value;
  if (auto* tproxy = std::get_if<Tproxy>(&verdict)) tproxy->mask |= tproxy->mark;
  return verdict;
}

}  // namespace

std::string ChainLowering::chain_named(const std::string& name, const std::string& next) {
  const Chain* chain = source_.find_chain(name);
  assert(chain != nullptr);
  reached_.insert(name);
  return chain == nullptr ? next : chain_from(*chain, 0, next);
}

std::string ChainLowering::chain_from(const Chain& chain, std::size_t start,
                                      const std::string& next) {
  if (start >= chain.rules.size()) return next;
  const auto key = std::make_tuple(chain.name, start, next);
  if (const auto known = lowered_.find(key); known != lowered_.end()) return known->second;
  const std::string name = table_.new_name(chain.name);
  lowered_.emplace(key, name);
  table_.add(Chain{name, {}, lower(chain, start, next), {}});
  return name;
}

std::vector<Rule> ChainLowering::lower(const Chain& chain, std::size_t start,
                                       const std::string& next) {
  std::vector<Rule> rules;
  for (std::size_t at = start; at < chain.rules.size(); ++at)
    if (lower_rule(chain, at, next, rules)) return rules;
  if (!next.empty()) rules.push_back(go_on_rule(next));
  return rules;
}

bool ChainLowering::lower_rule(const Chain& chain, std::size_t at, const std::string& next,
                               std::vector<Rule>& rules) {
  const Rule& rule = chain.rules[at];
  if (std::holds_alternative<JumpByMap>(rule.verdict)) return lower_map(chain, at, next, rules);
  if (std::holds_alternative<SetTimeout>(rule.verdict) ||
      std::holds_alternative<Opaque>(rule.verdict))
    return false;
  Rule lowered{{}, with_whole_mask(rule.verdict), rule.comment, true};
  const LoweredMatches matches = lower_matches(rule.matches, source_, place_);
  if (matches.never) return false;
  if (std::holds_alternative<Return>(rule.verdict))
    lowered.verdict = go_on_in(next);
  else if (std::holds_alternative<Accept>(rule.verdict))
    lowered.verdict = Return{};
  else if (const auto* target = std::get_if<Goto>(&rule.verdict))
    lowered.verdict = go_on_in(chain_named(target->chain, next));
  else if (const auto* called = std::get_if<Jump>(&rule.verdict))
    lowered.verdict = go_on_in(chain_named(called->chain, chain_from(chain, at + 1, next)));
  const bool called = std::holds_alternative<Jump>(rule.verdict);
  if (emit(chain, at, next, matches, lowered, rules)) return true;
  if (!called) return false;
  // The rest is there already.
  rules.push_back(go_on_rule(chain_from(chain, at + 1, next)));
  return true;
}

bool ChainLowering::lower_map(const Chain& chain, std::size_t at, const std::string& next,
                              std::vector<Rule>& rules) {
  const Rule& rule = chain.rules[at];
  const auto& jump = std::get<JumpByMap>(rule.verdict);
  const VerdictMap* map = source_.find_map(jump.map);
  if (map == nullptr || map->elements.empty()) return false;
  if (const auto undone = undo_slices(rule, source_)) {
    for (const MapElement& element : map->elements) reached_.insert(element.chain);
    Chain whole{chain.name, {}, chain.rules, {}};
    whole.rules[at] = *undone;
    return lower_rule(whole, at, next, rules);
  }
  auto within = rule.matches;
  within.emplace_back(Match{
      jump.field, false,
      std::vector<Interval>{{map->elements.front().range.first, map->elements.back().range.last}}});
  if (lower_matches(within, source_, place_).never) return false;
  const std::string rest = chain_from(chain, at + 1, next);
  std::vector<PrefixTarget> targets;
  for (const MapElement& element : map->elements) {
    const std::string target = chain_named(element.chain, rest);
    for (const Interval& prefix :
         split_into_prefixes({element.range}, key_size(key_type(jump.field)), 1))
      targets.push_back({prefix, target});
  }
  const std::string root =
      add_address_tree(table_, jump.field, place_.address_slots, chain.name, targets, rest);
  const Rule lowered{{}, go_on_in(root), rule.comment, true};
  const LoweredMatches matches = lower_matches(rule.matches, source_, place_);
  if (!emit(chain, at, next, matches, lowered, rules)) rules.push_back(go_on_rule(rest));
  return true;
}

// Writes `rule` for what meets `matches`; its verdict is lowered already.
bool ChainLowering::emit(const Chain& chain, std::size_t at, const std::string& next,
                         const LoweredMatches& matches, const Rule& rule,
                         std::vector<Rule>& rules) {
  if (emit_product(matches, rule, rules))
    return matches.single.empty() && matches.choices.empty() && ends_chain(rule.verdict);
  const std::string rest = chain_from(chain, at + 1, next);
  Rule entry = go_on_rule(add_stages(chain.name, matches, rule, rest));
  entry.matches = as_items(matches.single);
  rules.push_back(std::move(entry));
  if (!matches.single.empty()) rules.push_back(go_on_rule(rest));
  return true;
}

bool ChainLowering::emit_product(const LoweredMatches& matches, const Rule& rule,
                                 std::vector<Rule>& rules) {
  std::size_t product = 1;
  for (const Choice& choice : matches.choices) {
    if (choice.negated || is_address(choice.field)) return false;
    product *= choice.alternatives.size();
  }
  if (product > kProductMax && matches.choices.size() > 1) return false;
  for (std::size_t i = 0; i < product; ++i) {
    std::vector<Match> all = matches.single;
    std::size_t rest = i;
    for (const Choice& choice : matches.choices) {
      all.push_back(choice.alternatives[rest % choice.alternatives.size()]);
      rest /= choice.alternatives.size();
    }
    sort_by_rank(all);
    rules.push_back(Rule{as_items(all), rule.verdict, rule.comment, true});
  }
  return true;
}

// One chain for each choice, and at their end the rule itself.
std::string ChainLowering::add_stages(std::string_view base_name, const LoweredMatches& matches,
                                      const Rule& rule, const std::string& next) {
  Chain decision{table_.new_name(base_name), {}, {Rule{{}, rule.verdict, rule.comment, true}}, {}};
  if (!ends_chain(rule.verdict) && !next.empty()) decision.rules.push_back(go_on_rule(next));
  std::string entry = decision.name;
  table_.add(std::move(decision));
  for (const Choice& choice : matches.choices)
    entry = choice.negated ? add_choice(base_name, choice, next, entry)
                           : add_choice(base_name, choice, entry, next);
  return entry;
}

std::string ChainLowering::add_choice(std::string_view base_name, const Choice& choice,
                                      const std::string& success, const std::string& failure) {
  if (is_address(choice.field)) {
    std::vector<PrefixTarget> targets;
    for (const Interval& prefix :
         split_into_prefixes(choice.intervals, key_size(key_type(choice.field)), 1))
      targets.push_back({prefix, success});
    return add_address_tree(table_, choice.field, place_.address_slots, base_name, targets,
                            failure);
  }
  Chain row{table_.new_name(base_name), {}, {}, {}};
  for (const Match& match : choice.alternatives)
    row.rules.push_back(Rule{{match}, go_on_in(success), {}, true});
  if (!failure.empty()) row.rules.push_back(go_on_rule(failure));
  std::string name = row.name;
  table_.add(std::move(row));
  return name;
}

}  // namespace weir::init
