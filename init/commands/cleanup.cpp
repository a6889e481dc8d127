// SPDX-License-Identifier: Apache-2.0
#include "init/backend_choice.hpp"
#include "init/commands/command.hpp"
#include "init/namespace_lock.hpp"
#include "init/process.hpp"
#include "init/report.hpp"
#include "init/routing.hpp"
#include "init/verify/stage.hpp"

namespace weir::init {
namespace {

Result<void> remove_from(Backend& backend, std::vector<std::string>& places) {
  TRY(const bool removed, backend.remove());
  if (removed) places.emplace_back(place_of_rules(backend.name()));
  for (const auto& notice : backend.notices()) write_line(Stream::error, notice);
  return {};
}

// Of both backends, whatever was asked for: a rule that stays would go on redirecting.
Result<std::vector<std::string>> remove_rules(const Options& options) {
  std::vector<std::string> places;
  TRY(const auto backend, open_backend(options.backend, options.lock_timeout));
  TRY_VOID(remove_from(*backend, places));
  TRY(const auto left, open_left_backend(*backend, options.lock_timeout));
  if (left) TRY_VOID(remove_from(*left, places));
  return places;
}

}  // namespace

int run_cleanup(const CommandContext& context) {
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  const auto rules = remove_rules(context.options);
  if (!rules) return fail(rules.error());
  const auto routing = remove_routing();
  if (!routing) return fail(routing.error());
  remove_stage();
  write_line(Stream::output, describe_removal(*rules, *routing));
  return 0;
}

}  // namespace weir::init
