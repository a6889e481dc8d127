// SPDX-License-Identifier: Apache-2.0
// Install, prove, remove: the order of things around a Backend.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/install/optional_feature.hpp"
#include "init/rules/backend.hpp"
#include "init/rules/diff.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

enum class Outcome : std::uint8_t {
  installed,  // nothing of ours was there
  replaced,   // something else of ours was there
  unchanged,  // exactly this was there
  mismatch    // written, but read back otherwise; what was there before is there again
};

struct InstallReport {
  Outcome outcome{};
  Diff changes;  // replaced: what was different before; mismatch: what is different now
  std::vector<OtherNat> other_nat;
  Ruleset rules;                         // what is in force: the desired ones without `missing`
  std::vector<OptionalFeature> missing;  // left out because the kernel lacks it
};

/// Reads, compares, replaces only when something differs, reads back and compares again. After an
/// error the rules are what they were, unless its text says otherwise.
/// `before_change` runs once, when it is clear that the kernel can be read and nobody else owns the
/// table, and may veto.
Result<InstallReport> install(Backend& backend, const Ruleset& desired,
                              const std::function<Result<void>()>& before_change);

}  // namespace weir::init
