// SPDX-License-Identifier: Apache-2.0
#include "init/install/installation.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "init/install/backend_choice.hpp"
#include "init/install/config_chain.hpp"
#include "init/install/report.hpp"
#include "init/plan/plan.hpp"
#include "init/routing/routing.hpp"

namespace weir::init {

Result<Installation> Installation::open(const Options& options) {
  Installation installation;
  TRY(installation.backend_, open_backend(options.backend, options.lock_timeout));
  TRY(installation.before_, installation.backend_->read());
  TRY(installation.left_, open_left_backend(*installation.backend_, options.lock_timeout));
  if (installation.left_) {
    TRY(installation.left_before_, installation.left_->read());
  }
  TRY(installation.routing_before_, read_routing_state());
  return installation;
}

Result<InstallReport> Installation::change(const RedirectConfig& config) {
  const Ruleset rules = with_config_chain(plan_ruleset(config), config);
  TRY(InstallReport report, install(*backend_, rules, [&]() -> Result<void> {
        TRY(notes_, add_routing(plan_routing(config)));
        return {};
      }));
  if (report.outcome == Outcome::mismatch) return report;
  // Rules that mark packets for a route are gone before the route is.
  TRY(auto routing, apply_routing(plan_routing(config)));
  std::move(routing.begin(), routing.end(), std::back_inserter(notes_));
  if (left_) {
    // The new rules decide already; the old ones must not stay behind them.
    TRY(const bool removed, left_->remove());
    if (removed)
      notes_.push_back("rules of the " + std::string(left_->name()) + " backend removed");
  }
  for (std::string& notice : backend_->notices()) notes_.push_back(std::move(notice));
  return report;
}

Result<InstallReport> Installation::apply(const RedirectConfig& config) {
  auto report = change(config);
  if (report && report->outcome != Outcome::mismatch) return report;
  (void)take_back();
  return report;
}

Result<void> Installation::remove_from(Backend& backend, std::vector<std::string>& places) {
  TRY(const bool removed, backend.remove());
  if (removed) places.emplace_back(place_of_rules(backend.name()));
  for (std::string& notice : backend.notices()) notes_.push_back(std::move(notice));
  return {};
}

Result<Installation::Removed> Installation::remove_all() {
  Removed removed;
  TRY_VOID(remove_from(*backend_, removed.places));
  if (left_) TRY_VOID(remove_from(*left_, removed.places));
  TRY(removed.routing, remove_routing());
  return removed;
}

Result<Installation::Removed> Installation::clean_up() {
  auto removed = remove_all();
  // TPROXY's rules are of no use without their route, nor the other way round.
  if (!removed) (void)take_back();
  return removed;
}

Result<void> Installation::take_back() {
  const auto rules = backend_->restore(before_);
  const auto left = left_ ? left_->restore(left_before_) : Result<void>();
  TRY_VOID(restore_routing(routing_before_));
  if (!rules) return rules.error().with_context("taking the rules back");
  if (!left) return left.error().with_context("taking the rules back");
  return {};
}

}  // namespace weir::init
