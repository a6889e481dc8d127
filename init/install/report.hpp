// SPDX-License-Identifier: Apache-2.0
// What weir-init says: one line for each fact. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "init/install/install.hpp"

namespace weir::init {

/// "installed: table inet weir, 14 rules, 3 sets (3 elements), IPv4 and IPv6, read back and equal,
/// in 2.1 ms". `rules` as the backend of that name holds them.
std::string describe_outcome(const InstallReport& report, const Ruleset& rules, double milliseconds,
                             std::string_view backend = "nftables");
/// What a replacement changed, or what a failed verification found; at most ten lines.
std::vector<std::string> describe_changes(const InstallReport& report);
/// One warning for each NAT chain of others on our hooks.
std::vector<std::string> describe_conflicts(const std::vector<OtherNat>& other_nat);
/// Where a backend keeps the rules: "table inet weir", "chains WEIR_* of iptables-legacy".
std::string_view place_of_rules(std::string_view backend);
/// `rules`: the places where there were some; `routing`: what remove_routing() removed.
std::string describe_removal(const std::vector<std::string>& rules,
                             const std::vector<std::string>& routing);

}  // namespace weir::init
