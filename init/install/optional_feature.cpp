// SPDX-License-Identifier: Apache-2.0
#include "init/install/optional_feature.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <string_view>

namespace weir::init {
namespace {

constexpr std::string_view kHoldChain = "hold";

bool leads_to(const Chain& from, std::string_view chain) {
  return std::any_of(from.rules.begin(), from.rules.end(), [&](const Rule& rule) {
    const auto* jump = std::get_if<Jump>(&rule.verdict);
    const auto* to = std::get_if<Goto>(&rule.verdict);
    return (jump != nullptr && jump->chain == chain) || (to != nullptr && to->chain == chain);
  });
}

// The hold chain and those that only it leads to.
bool is_part_of_hold(const Ruleset& rules, std::string_view name) {
  if (name == kHoldChain) return true;
  bool found = false;
  for (const Chain& chain : rules.chains) {
    if (!leads_to(chain, name)) continue;
    if (!is_part_of_hold(rules, chain.name)) return false;
    found = true;
  }
  return found;
}

bool sets_timeout(const Rule& rule) { return std::holds_alternative<SetTimeout>(rule.verdict); }

// The chain of `rules` that was refused under this name or, as a copy, under a longer one.
const Chain* refused_chain(const Ruleset& rules, std::string_view name) {
  const Chain* found = nullptr;
  for (const Chain& chain : rules.chains)
    if (name.starts_with(chain.name) && (!found || chain.name.size() > found->name.size()))
      found = &chain;
  return found;
}

bool looks_into(const Rule& rule, std::string_view set) {
  return std::any_of(rule.matches.begin(), rule.matches.end(), [&](const auto& match) {
    const auto* known = std::get_if<Match>(&match);
    const auto* name = known != nullptr ? std::get_if<SetName>(&known->operand) : nullptr;
    return name != nullptr && name->name == set;
  });
}

bool is_used(const Ruleset& rules, std::string_view set) {
  return std::any_of(rules.chains.begin(), rules.chains.end(), [&](const Chain& chain) {
    return std::any_of(chain.rules.begin(), chain.rules.end(),
                       [&](const Rule& rule) { return looks_into(rule, set); });
  });
}

}  // namespace

std::optional<OptionalFeature> refused_feature(const Ruleset& rules, const Refusal& refusal) {
  const int code = refusal.code;
  if (refusal.removal || (code != ENOENT && code != EOPNOTSUPP && code != EINVAL))
    return std::nullopt;
  if (refusal.part == RulesetPart::timeout) return OptionalFeature::close_wait_timeout;
  if (refusal.part != RulesetPart::chain && refusal.part != RulesetPart::rule) return std::nullopt;
  const Chain* chain = refused_chain(rules, refusal.name);
  if (chain == nullptr) return std::nullopt;
  if (is_part_of_hold(rules, chain->name)) return OptionalFeature::hold_until_listening;
  if (refusal.part == RulesetPart::rule && refusal.rule < chain->rules.size() &&
      sets_timeout(chain->rules[refusal.rule]))
    return OptionalFeature::close_wait_timeout;
  return std::nullopt;
}

Ruleset without_feature(Ruleset rules, OptionalFeature feature) {
  const Ruleset before = rules;
  if (feature == OptionalFeature::hold_until_listening) {
    std::erase_if(rules.chains,
                  [&](const Chain& chain) { return is_part_of_hold(before, chain.name); });
  } else {
    rules.timeouts.clear();
    for (Chain& chain : rules.chains) std::erase_if(chain.rules, sets_timeout);
  }
  std::erase_if(rules.sets, [&](const Set& set) {
    return is_used(before, set.name) && !is_used(rules, set.name);
  });
  return rules;
}

std::string describe_missing(OptionalFeature feature) {
  switch (feature) {
    case OptionalFeature::hold_until_listening:
      return "warning: --hold-until-listening: left out, the kernel lacks nft_socket "
             "(CONFIG_NFT_SOCKET); connections before the proxy listens are refused";
    case OptionalFeature::close_wait_timeout:
      return "warning: --close-wait-timeout: left out, the kernel lacks timeouts for connection "
             "tracking (CONFIG_NF_CONNTRACK_TIMEOUT); half-closed connections are forgotten after "
             "the kernel's own time";
  }
  assert(false);
  return {};
}

}  // namespace weir::init
