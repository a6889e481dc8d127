// SPDX-License-Identifier: Apache-2.0
#include "init/commands/command.hpp"
#include "init/loopback_address.hpp"
#include "init/namespace_lock.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/process.hpp"
#include "init/report.hpp"

namespace weir::init {

int run_cleanup(const CommandContext&) {
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  auto backend = NftBackend::open();
  if (!backend) return fail(backend.error());
  const auto rules = backend->remove();
  if (!rules) return fail(rules.error());
  const auto address = remove_passthrough_address();
  if (!address) return fail(address.error());
  write_line(Stream::output, describe_removal(*rules, *address));
  return 0;
}

}  // namespace weir::init
