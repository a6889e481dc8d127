// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/watch/watcher.hpp"

namespace weir::init {

int run_watch(const CommandContext& context) {
  auto watcher = Watcher::open(context.options);
  if (!watcher) return fail(watcher.error());
  const auto watched = watcher->run();
  if (!watched) return fail(watched.error());
  write_line(Stream::output, "watching no longer; the rules stay as they are");
  return 0;
}

}  // namespace weir::init
