// SPDX-License-Identifier: Apache-2.0
#include "init/backend_choice.hpp"
#include "init/commands/command.hpp"
#include "init/namespace_lock.hpp"
#include "init/process.hpp"
#include "init/report.hpp"
#include "init/routing.hpp"

namespace weir::init {
namespace {

// What was removed, and what it takes to put it back.
struct Removal {
  struct From {
    std::unique_ptr<Backend> backend;
    Observed before;
  };
  std::vector<From> from;
  std::vector<std::string> places;

  void put_back() {
    for (From& one : from) (void)one.backend->restore(one.before);
  }
};

Result<void> remove_from(std::unique_ptr<Backend> backend, Removal& removal) {
  TRY(Observed before, backend->read());
  const auto removed = backend->remove();
  for (const auto& notice : backend->notices()) write_line(Stream::error, notice);
  if (!removed) return removed.error();
  if (*removed) removal.places.emplace_back(place_of_rules(backend->name()));
  removal.from.push_back({std::move(backend), std::move(before)});
  return {};
}

// Whichever backend a run was told to use, clean-up leaves nothing in the other one either.
Result<void> remove_everything(const Options& options, Removal& removal,
                               std::vector<std::string>& routing) {
  TRY(auto backend, open_backend(options.backend, options.lock_timeout));
  TRY(auto left, open_left_backend(*backend, options.lock_timeout));
  TRY_VOID(remove_from(std::move(backend), removal));
  if (left != nullptr) TRY_VOID(remove_from(std::move(left), removal));
  TRY(routing, remove_routing());
  return {};
}

}  // namespace

int run_cleanup(const CommandContext& context) {
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  const auto routing_before = read_routing_state();
  if (!routing_before) return fail(routing_before.error());
  Removal removal;
  std::vector<std::string> routing;
  if (const auto done = remove_everything(context.options, removal, routing); !done) {
    // All of it or nothing: TPROXY's rules are of no use without their route.
    (void)restore_routing(*routing_before);
    removal.put_back();
    return fail(done.error());
  }
  write_line(Stream::output, describe_removal(removal.places, routing));
  return 0;
}

}  // namespace weir::init
