// SPDX-License-Identifier: Apache-2.0
#include "init/commands/command.hpp"
#include "init/namespace_lock.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/process.hpp"
#include "init/report.hpp"
#include "init/routing.hpp"

namespace weir::init {

int run_cleanup(const CommandContext&) {
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  auto backend = NftBackend::open();
  if (!backend) return fail(backend.error());
  const auto rules = backend->remove();
  if (!rules) return fail(rules.error());
  const auto routing = remove_routing();
  if (!routing) return fail(routing.error());
  write_line(Stream::output, describe_removal(*rules, *routing));
  return 0;
}

}  // namespace weir::init
