// SPDX-License-Identifier: Apache-2.0
#include "init/commands/live_rules.hpp"

#include "init/install/backend_choice.hpp"

namespace weir::init {

Result<LiveRules> read_live_rules(const Options& options) {
  LiveRules live;
  TRY(live.backend, open_backend(options.backend, options.lock_timeout));
  TRY(live.observed, live.backend->read());
  if (!live.observed.rules && options.backend == BackendKind::automatic) {
    TRY(auto left, open_left_backend(*live.backend, options.lock_timeout));
    if (left) {
      live.backend = std::move(left);
      TRY(live.observed, live.backend->read());
    }
  }
  if (!live.observed.rules) return live;
  auto kept = config_of(*live.observed.rules);
  if (kept)
    live.kept = *std::move(kept);
  else
    live.kept_error = kept.error().message;
  return live;
}

}  // namespace weir::init
