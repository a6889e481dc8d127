// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/install/confirmation.hpp"

namespace weir::init {

int run_confirm(const CommandContext&) {
  const auto confirmed = send_confirmation();
  if (!confirmed) return fail(confirmed.error());
  write_line(Stream::output, "confirmed: the rules stay");
  return 0;
}

}  // namespace weir::init
