// SPDX-License-Identifier: Apache-2.0
// How the names begin that a regular expression can match.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::stats {

/// Texts of which every match that is found anywhere in a name makes the name begin with one:
/// "^(a\.b|c)d" → "a.b", "c". Knows '^', plain text and one bracket of plain alternatives; empty:
/// nothing is known. `regex` is one that RE2 takes.
std::vector<std::string> prefixes_of_matches(std::string_view regex);

}  // namespace weir::stats
