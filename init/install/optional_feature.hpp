// SPDX-License-Identifier: Apache-2.0
// What an installation can do without when the kernel lacks it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "init/rules/backend.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

enum class OptionalFeature : std::uint8_t {
  hold_until_listening,  // the chain `hold` and what only it leads to: needs nft_socket (xt_socket)
  close_wait_timeout     // the ct timeouts and the rules that set them: needs nft_ct's timeouts
};

/// The feature that a refused part of `rules` belongs to, when the errno says that the kernel does
/// not know it (ENOENT, EOPNOTSUPP, EINVAL). Names may carry the suffix of a copy.
std::optional<OptionalFeature> refused_feature(const Ruleset& rules, const Refusal& refusal);

/// `rules` without the feature: its chains, rules and objects, and the sets that nobody else looks
/// into.
Ruleset without_feature(Ruleset rules, OptionalFeature feature);

/// "warning: --hold-until-listening: left out, the kernel lacks …".
std::string describe_missing(OptionalFeature feature);

}  // namespace weir::init
