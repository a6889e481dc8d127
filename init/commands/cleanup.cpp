// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/install/installation.hpp"
#include "init/install/namespace_lock.hpp"
#include "init/install/report.hpp"
#include "init/verify/stage.hpp"

namespace weir::init {
int run_cleanup(const CommandContext& context) {
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  // Of both backends, whatever was asked for: a rule that stays would go on redirecting.
  auto installation = Installation::open(context.options);
  if (!installation) return fail(installation.error());
  const auto removed = installation->clean_up();
  if (!removed) return fail(removed.error());
  for (const auto& note : installation->notes()) write_line(Stream::error, note);
  remove_stage();
  write_line(Stream::output, describe_removal(removed->places, removed->routing));
  return 0;
}

}  // namespace weir::init
