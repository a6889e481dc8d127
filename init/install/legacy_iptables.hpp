// SPDX-License-Identifier: Apache-2.0
// Whether iptables-legacy does NAT in this namespace too. Nothing is loaded by asking.
#pragma once

#include <vector>

#include "init/cli/command_line.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// One entry for each family whose legacy table `nat` exists here. Empty where /proc is not
/// mounted. Source: /proc/net/ip_tables_names and ip6_tables_names, which list the tables of this
/// network namespace.
std::vector<OtherNat> find_legacy_nat(const Environment& environment);

}  // namespace weir::init
