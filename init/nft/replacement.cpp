// SPDX-License-Identifier: Apache-2.0
#include "init/nft/replacement.hpp"

#include <algorithm>

namespace weir::init {
namespace {

template <class T>
const T* find_named(const std::vector<T>& items, const std::string& name) {
  const auto at =
      std::find_if(items.begin(), items.end(), [&](const T& i) { return i.name == name; });
  return at == items.end() ? nullptr : &*at;
}

std::vector<Chain> base_chains(const Ruleset& rules) {
  std::vector<Chain> found;
  for (const Chain& chain : rules.chains)
    if (chain.base) found.push_back(Chain{chain.name, chain.base, {}, chain.unknown});
  return found;
}

// What cannot be changed once it is there is as it should be.
bool keeps_table(const Ruleset& desired, const Ruleset& observed) {
  return observed.comment == desired.comment && observed.flags == desired.flags;
}

template <class T>
std::vector<T> common_beginning(std::vector<T> want, const std::vector<T>& have) {
  const auto differ = std::mismatch(want.begin(), want.end(), have.begin(), have.end());
  want.erase(differ.first, want.end());
  return want;
}

// What stays as it is: all before the first difference, so that the order of everything is that of
// a fresh installation. Sets do not: an old rule may look into a new content. A timeout has none,
// and the kernel walks through every connection to delete one.
struct Kept {
  std::vector<Chain> base_chains;
  std::vector<CtTimeout> timeouts;
};

Kept kept_objects(const Ruleset& desired, const Ruleset& observed) {
  return {common_beginning(base_chains(desired), base_chains(observed)),
          common_beginning(desired.timeouts, observed.timeouts)};
}

// Nothing differs but rules.
bool differ_in_rules_only(const Ruleset& desired, const Ruleset& observed) {
  return desired.sets == observed.sets && desired.maps == observed.maps &&
         desired.timeouts == observed.timeouts &&
         std::equal(desired.chains.begin(), desired.chains.end(), observed.chains.begin(),
                    observed.chains.end(), [](const Chain& a, const Chain& b) {
                      return a.name == b.name && a.base == b.base && b.unknown.empty();
                    });
}

// Everything desired is there, and beside it only what no rule names.
bool differ_in_leftovers_only(const Ruleset& desired, Ruleset observed) {
  const auto keep_desired = [](auto& have, const auto& want) {
    std::erase_if(have, [&](const auto& item) { return find_named(want, item.name) == nullptr; });
  };
  const std::size_t rules = observed.rule_count();
  keep_desired(observed.sets, desired.sets);
  keep_desired(observed.maps, desired.maps);
  keep_desired(observed.timeouts, desired.timeouts);
  keep_desired(observed.chains, desired.chains);
  return observed == desired && observed.rule_count() == rules;
}

// A suffix that makes of no name of `desired` one that `observed` uses.
std::string free_suffix(const Ruleset& desired, const Ruleset& observed) {
  std::string suffix = "_next";
  const auto taken = [&](const auto& item) {
    const std::string name = item.name + suffix;
    return observed.find_set(name) != nullptr || observed.find_map(name) != nullptr ||
           find_named(observed.timeouts, name) != nullptr || observed.find_chain(name) != nullptr;
  };
  const auto any_taken = [&](const auto& items) {
    return std::any_of(items.begin(), items.end(), taken);
  };
  while (any_taken(desired.sets) || any_taken(desired.maps) || any_taken(desired.timeouts) ||
         any_taken(desired.chains))
    suffix += "_";
  return suffix;
}

// The same policy with the suffix on every name but those of the chains that stay.
Ruleset with_suffix(Ruleset rules, const std::string& suffix, const Kept& kept) {
  const auto stays = [&](const std::string& timeout) {
    return find_named(kept.timeouts, timeout) != nullptr;
  };
  for (Set& set : rules.sets) set.name += suffix;
  for (CtTimeout& timeout : rules.timeouts)
    if (!stays(timeout.name)) timeout.name += suffix;
  for (VerdictMap& map : rules.maps) {
    map.name += suffix;
    for (MapElement& element : map.elements) element.chain += suffix;
  }
  for (Chain& chain : rules.chains) {
    if (find_named(kept.base_chains, chain.name) == nullptr) chain.name += suffix;
    for (Rule& rule : chain.rules) {
      for (auto& match : rule.matches)
        if (auto* known = std::get_if<Match>(&match))
          if (auto* set = std::get_if<SetName>(&known->operand)) set->name += suffix;
      if (auto* set = std::get_if<SetTimeout>(&rule.verdict); set && !stays(set->object))
        set->object += suffix;
      if (auto* jump = std::get_if<JumpByMap>(&rule.verdict)) jump->map += suffix;
      if (auto* jump = std::get_if<Jump>(&rule.verdict)) jump->chain += suffix;
      if (auto* jump = std::get_if<Goto>(&rule.verdict)) jump->chain += suffix;
    }
  }
  return rules;
}

// Removes from the kernel what is in `have` and not in `keep`. Maps before the chains that their
// elements name.
void delete_others(Batch& batch, const Ruleset& have, const Ruleset& keep) {
  for (const VerdictMap& map : have.maps)
    if (find_named(keep.maps, map.name) == nullptr) batch.delete_set(map.name);
  for (const Set& set : have.sets)
    if (find_named(keep.sets, set.name) == nullptr) batch.delete_set(set.name);
  for (const CtTimeout& timeout : have.timeouts)
    if (find_named(keep.timeouts, timeout.name) == nullptr) batch.delete_timeout(timeout.name);
  for (const Chain& chain : have.chains)
    if (find_named(keep.chains, chain.name) == nullptr) batch.delete_chain(chain.name);
}

// Adds the sets, maps and chains of `want` that `have` does not have.
void add_missing(Batch& batch, const Ruleset& want, const Ruleset& have) {
  for (const Set& set : want.sets)
    if (find_named(have.sets, set.name) == nullptr) batch.add_set(set);
  for (const CtTimeout& timeout : want.timeouts)
    if (find_named(have.timeouts, timeout.name) == nullptr) batch.add_timeout(timeout);
  for (const Chain& chain : want.chains)
    if (find_named(have.chains, chain.name) == nullptr) batch.add_chain(chain);
  for (const VerdictMap& map : want.maps)
    if (find_named(have.maps, map.name) == nullptr) batch.add_map(map);
}

Step rules_step(const Ruleset& rules, std::uint32_t generation = 0) {
  Step step{Batch(generation), false};
  step.batch.flush_rules();
  for (const Chain& chain : rules.chains) step.batch.add_rules(chain);
  return step;
}

// Objects of a table that is not there, or cannot be changed into ours.
Step new_table_step(const Ruleset& rules, bool replaces, std::uint32_t generation) {
  Step step{Batch(generation)};
  if (replaces) step.batch.delete_table();
  step.batch.add_table(rules);
  add_missing(step.batch, rules, Ruleset{});
  return step;
}

}  // namespace

std::vector<Step> build_replacement(const Ruleset& desired, const Ruleset* observed,
                                    std::uint32_t generation) {
  std::vector<Step> steps;
  if (observed == nullptr || !keeps_table(desired, *observed)) {
    steps.push_back(new_table_step(desired, observed != nullptr, generation));
    steps.push_back(rules_step(desired));
    return steps;
  }
  if (differ_in_rules_only(desired, *observed)) {
    steps.push_back(rules_step(desired, generation));
    return steps;
  }
  if (differ_in_leftovers_only(desired, *observed)) {
    delete_others(steps.emplace_back(Step{Batch(generation), true}).batch, *observed, desired);
    return steps;
  }
  const Kept kept = kept_objects(desired, *observed);
  // A packet that is among the chains of a hook has not met one that came meanwhile: it must be
  // gone before the rules move there.
  const bool new_base_chains = kept.base_chains.size() != base_chains(desired).size();
  const Ruleset copy = with_suffix(desired, free_suffix(desired, *observed), kept);
  add_missing(steps.emplace_back(Step{Batch(generation)}).batch, copy, *observed);
  steps.emplace_back(rules_step(copy)).after_packets = new_base_chains;
  Batch& exchange = steps.emplace_back(Step{Batch(0), true}).batch;
  delete_others(exchange, *observed, copy);
  add_missing(exchange, desired, copy);
  steps.emplace_back(rules_step(desired)).after_packets = new_base_chains;
  delete_others(steps.emplace_back(Step{Batch(0), true}).batch, copy, desired);
  return steps;
}

Step build_hand_over(const Ruleset& rules, std::uint32_t generation) {
  Step step = new_table_step(rules, true, generation);
  for (const Chain& chain : rules.chains) step.batch.add_rules(chain);
  return step;
}

std::vector<Step> build_removal() {
  std::vector<Step> steps;
  steps.emplace_back(Step{Batch(0)}).batch.flush_rules();
  steps.emplace_back(Step{Batch(0), true}).batch.delete_table();
  return steps;
}

}  // namespace weir::init
