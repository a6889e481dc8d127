// SPDX-License-Identifier: Apache-2.0
#include "init/backend_choice.hpp"
#include "init/commands/command.hpp"
#include "init/namespace_lock.hpp"
#include "init/process.hpp"
#include "init/report.hpp"
#include "init/routing.hpp"

namespace weir::init {
namespace {

// Whichever backend a run was told to use, clean-up leaves nothing in the other one either.
Result<std::vector<std::string>> remove_rules(const Options& options) {
  std::vector<std::string> places;
  TRY(const auto backend, open_backend(options.backend, options.lock_timeout));
  TRY(const bool removed, backend->remove());
  if (removed) places.emplace_back(place_of_rules(backend->name()));
  for (const auto& notice : backend->notices()) write_line(Stream::error, notice);
  TRY(const auto left, open_left_backend(*backend, options.lock_timeout));
  if (left == nullptr) return places;
  TRY_VOID(left->remove());
  for (const auto& notice : left->notices()) write_line(Stream::error, notice);
  places.emplace_back(place_of_rules(left->name()));
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
  write_line(Stream::output, describe_removal(*rules, *routing));
  return 0;
}

}  // namespace weir::init
