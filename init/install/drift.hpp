// SPDX-License-Identifier: Apache-2.0
// How the rules in force differ from those that a configuration asks for. Pure.
#pragma once

#include <string>
#include <vector>

#include "init/install/optional_feature.hpp"
#include "init/rules/backend.hpp"
#include "init/rules/diff.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

struct Drift {
  Ruleset desired;  // as the backend holds it, less what is left out
  Diff differences;
  /// Features that the live rules do without altogether, as an installation does where the kernel
  /// lacks them.
  std::vector<OptionalFeature> left_out;
};

/// The chain that keeps the flags is not compared: it says what the rules were made of, and by
/// which version.
Drift find_drift(const Backend& backend, const RedirectConfig& config, const Ruleset& live);

/// Desired against live as lines of a unified diff: `+` is missing in the kernel, `-` is there and
/// should not be. Empty when nothing differs; one `@@ chain 'output' @@` above each group.
std::vector<std::string> delta_lines(const Ruleset& desired, const Ruleset& live);

}  // namespace weir::init
