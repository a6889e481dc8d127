// SPDX-License-Identifier: Apache-2.0
#include "init/commands/command.hpp"
#include "init/config_chain.hpp"
#include "init/plan.hpp"
#include "init/process.hpp"
#include "init/render.hpp"

namespace weir::init {

int run_dry(const CommandContext& context) {
  const Options& options = context.options;
  const std::string text =
      options.cleanup_only
          ? render_removal()
          : render_ruleset(with_config_chain(plan_ruleset(options.config), options.config));
  const auto written = write_text(options.dry_run_file, text);
  return written ? 0 : fail(written.error(), ExitCode::other);
}

}  // namespace weir::init
