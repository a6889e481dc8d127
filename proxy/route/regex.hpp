// SPDX-License-Identifier: Apache-2.0
// Regular expressions of configuration: RE2, so that matching takes linear time whatever a peer
// sends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace re2 {
class RE2;
}

namespace weir::route {

/// Largest compiled size of an expression whose configuration states none. Envoy's own limit is
/// 100, which control planes raise to this.
inline constexpr std::uint32_t kMostProgramSize = 32768;

/// Error: Envoy's text for an expression that does not compile or is too large.
Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern,
                                                      std::uint32_t most = kMostProgramSize);

/// The expression matches the text as a whole.
bool matches_whole(const re2::RE2& regex, std::string_view text);

/// Replaces every match of `regex` in `text` by `substitution`, which may hold \0 … \9.
std::string replace_all(const re2::RE2& regex, std::string_view text,
                        std::string_view substitution);

/// `substitution` names no group that the expression does not have.
Result<void> check_substitution(const re2::RE2& regex, std::string_view substitution);

}  // namespace weir::route
