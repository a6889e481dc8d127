// SPDX-License-Identifier: Apache-2.0
#include "init/install/drift.hpp"

#include <array>

#include "init/install/config_chain.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

Ruleset without_config_chain(Ruleset rules) {
  std::erase_if(rules.chains, is_config_chain);
  return rules;
}

using enum OptionalFeature;
const std::array<std::vector<OptionalFeature>, 4> kCombinations{
    {{}, {hold_until_listening}, {close_wait_timeout}, {hold_until_listening, close_wait_timeout}}};

}  // namespace

Drift find_drift(const Backend& backend, const RedirectConfig& config, const Ruleset& live) {
  const Ruleset observed = without_config_chain(live);
  const Ruleset plan = plan_ruleset(config);
  Drift whole;
  for (const auto& left_out : kCombinations) {
    Ruleset rules = plan;
    for (const OptionalFeature feature : left_out)
      rules = without_feature(std::move(rules), feature);
    Drift drift{without_config_chain(backend.represent(rules)), {}, left_out};
    drift.differences = diff_rulesets(drift.desired, observed);
    if (drift.differences.empty()) return drift;
    if (left_out.empty()) whole = std::move(drift);
  }
  return whole;
}

}  // namespace weir::init
