// SPDX-License-Identifier: Apache-2.0
// The flags that the rules were made of, kept among the rules: a chain that nothing leads to, whose
// rules carry them as comments. So status, diff and explain know what the live rules should be.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/rules/redirect_config.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

inline constexpr std::string_view kConfigChain = "config";

/// `rules` with the chain for `config`, in place of one that is there. Longer flags than 8 KB are
/// not kept, and the chain says so.
Ruleset with_config_chain(Ruleset rules, const RedirectConfig& config);

struct KeptConfig {
  std::string version;                 // of the weir-init that installed, "weir-init 0.1.0"
  std::vector<std::string> arguments;  // to_arguments()
  RedirectConfig config;
};

/// What the chain of `rules`, or of their legacy representation, says. Errors: no such chain, flags
/// too long to be kept, flags that this version does not understand.
Result<KeptConfig> config_of(const Ruleset& rules);

/// Whether `chain` is the one, in either backend's naming.
bool is_config_chain(const Chain& chain);

}  // namespace weir::init
