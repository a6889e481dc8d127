// SPDX-License-Identifier: Apache-2.0
#include "init/commands/live_rules.hpp"

#include "init/nft/nft_backend.hpp"

namespace weir::init {

Result<LiveRules> read_live_rules(const Options&) {
  LiveRules live;
  TRY(NftBackend backend, NftBackend::open());
  live.backend = std::make_unique<NftBackend>(std::move(backend));
  TRY(live.observed, live.backend->read());
  if (!live.observed.rules) return live;
  if (auto kept = config_of(*live.observed.rules)) live.kept = *std::move(kept);
  return live;
}

}  // namespace weir::init
