// SPDX-License-Identifier: Apache-2.0
// What the rules need beside netfilter: the passthrough address on lo and TPROXY's policy route.
// rtnetlink; idempotent, removable whatever it was installed with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/routing/routing_state.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

/// Priority of our routing rules: fixed, so that a second run finds the first one's, and before the
/// main table (32766).
inline constexpr std::uint32_t kPolicyRulePriority = 32764;

/// Packets with `mark` under `mask` are delivered locally, whatever their destination: one routing
/// rule and one `local default dev lo` route per family.
struct PolicyRoute {
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;
  std::uint32_t table = 0;
  bool operator==(const PolicyRoute&) const = default;
};

struct RoutingPlan {
  bool passthrough_address = true;  // ::6/128 on lo
  std::optional<PolicyRoute> policy_route;
  bool operator==(const RoutingPlan&) const = default;
};

/// Pure.
RoutingPlan plan_routing(const RedirectConfig& config);

/// One line for each thing that is not as `plan` wants it, empty when all is.
Result<std::vector<std::string>> routing_drift(const RoutingPlan& plan);

/// The first half of apply_routing(): what is missing comes, nothing goes. Before rules that need
/// it.
Result<std::vector<std::string>> add_routing(const RoutingPlan& plan);

/// Makes it so; policy routes of ours that `plan` does not want go. Families that the namespace
/// lacks are left out. @return one line for each change or omission, for the report.
Result<std::vector<std::string>> apply_routing(const RoutingPlan& plan);

/// What `plan` puts into a namespace with or without IPv6, sorted. Pure.
std::vector<RoutingItem> wanted_items(const RoutingPlan& plan, bool ipv6);

/// Back to what read_routing_state() gave before.
Result<void> restore_routing(const RoutingState& state);

/// Removes everything that any plan adds. @return one line for each thing removed.
Result<std::vector<std::string>> remove_routing();

}  // namespace weir::init
