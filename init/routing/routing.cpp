// SPDX-License-Identifier: Apache-2.0
#include "init/routing/routing.hpp"

#include <algorithm>
#include <iterator>

namespace weir::init {
namespace {

using Items = std::vector<RoutingItem>;

Items in_first_only(const Items& first, const Items& second) {
  Items items;
  std::set_difference(first.begin(), first.end(), second.begin(), second.end(),
                      std::back_inserter(items));
  return items;
}

// Rules go before the routes that they lead to.
Result<void> remove_all(const Items& items, Items& done) {
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    TRY_VOID(remove_routing_item(*item));
    done.push_back(*item);
  }
  return {};
}

Result<void> add_all(const Items& items, Items& done) {
  for (const RoutingItem& item : items) {
    TRY_VOID(add_routing_item(item));
    done.push_back(item);
  }
  return {};
}

bool is_address(const RoutingItem& item) {
  return std::holds_alternative<PassthroughAddress>(item);
}

// From one state to another; back again when a step fails. What is added comes first, so that
// packets that keep their mark are delivered all the time.
Result<std::vector<std::string>> change_state(const Items& from, const Items& to) {
  Items added;
  Items removed;
  const auto changed = [&]() -> Result<void> {
    TRY_VOID(add_all(in_first_only(to, from), added));
    return remove_all(in_first_only(from, to), removed);
  }();
  if (!changed) {
    Items undone;
    std::sort(removed.begin(), removed.end());
    (void)remove_all(added, undone);
    (void)add_all(removed, undone);
    return changed.error();
  }
  std::vector<std::string> lines;
  for (const RoutingItem& item : added)
    lines.push_back(is_address(item) ? "address ::6/128 added to lo" : describe(item) + " added");
  for (const RoutingItem& item : removed) lines.push_back(describe(item) + " removed");
  return lines;
}

}  // namespace

RoutingPlan plan_routing(const RedirectConfig& config) {
  RoutingPlan plan;
  if (config.inbound_mode == InboundMode::tproxy)
    plan.policy_route = PolicyRoute{config.tproxy.mark & config.tproxy.mask, config.tproxy.mask,
                                    config.tproxy.route_table};
  return plan;
}

std::vector<RoutingItem> wanted_items(const RoutingPlan& plan, bool ipv6) {
  Items items;
  if (plan.passthrough_address && ipv6) items.emplace_back(PassthroughAddress{});
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    if (!plan.policy_route || (family == IpFamily::v6 && !ipv6)) continue;
    const PolicyRoute& route = *plan.policy_route;
    items.emplace_back(LocalRoute{family, route.table});
    items.emplace_back(PolicyRule{family, route.mark, route.mask, route.table});
  }
  std::sort(items.begin(), items.end());
  return items;
}

Result<std::vector<std::string>> routing_drift(const RoutingPlan& plan) {
  TRY(const RoutingState state, read_routing_state());
  const Items wanted = wanted_items(plan, state.ipv6);
  std::vector<std::string> lines;
  for (const RoutingItem& item : in_first_only(wanted, state.items))
    lines.push_back(describe(item) + ": missing");
  for (const RoutingItem& item : in_first_only(state.items, wanted))
    if (!is_address(item)) lines.push_back(describe(item) + ": left from another installation");
  return lines;
}

Result<std::vector<std::string>> add_routing(const RoutingPlan& plan) {
  TRY(const RoutingState state, read_routing_state());
  const Items wanted = wanted_items(plan, state.ipv6);
  Items all;
  std::set_union(state.items.begin(), state.items.end(), wanted.begin(), wanted.end(),
                 std::back_inserter(all));
  return change_state(state.items, all);
}

Result<std::vector<std::string>> apply_routing(const RoutingPlan& plan) {
  TRY(const RoutingState state, read_routing_state());
  Items wanted = wanted_items(plan, state.ipv6);
  // The address may serve others as well; only cleanup takes it away.
  const auto kept = std::find_if(state.items.begin(), state.items.end(), is_address);
  if (!plan.passthrough_address && kept != state.items.end()) wanted.insert(wanted.begin(), *kept);
  TRY(std::vector<std::string> lines, change_state(state.items, wanted));
  if (!state.ipv6 && plan.passthrough_address)
    lines.emplace_back("address ::6/128 not added: IPv6 is off on lo");
  if (!state.ipv6 && plan.policy_route)
    lines.emplace_back("IPv6 policy route not added: IPv6 is off on lo");
  return lines;
}

Result<void> restore_routing(const RoutingState& state) {
  TRY(const RoutingState now, read_routing_state());
  TRY(const auto lines, change_state(now.items, state.items));
  return {};
}

Result<std::vector<std::string>> remove_routing() {
  TRY(const RoutingState state, read_routing_state());
  TRY(const auto changes, change_state(state.items, {}));
  std::vector<std::string> lines;
  for (const RoutingItem& item : state.items) lines.push_back(describe(item));
  return lines;
}

}  // namespace weir::init
