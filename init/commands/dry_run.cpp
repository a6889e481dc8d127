// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/install/config_chain.hpp"
#include "init/legacy/lower.hpp"
#include "init/legacy/render_legacy.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/render.hpp"

namespace weir::init {

int run_dry(const CommandContext& context) {
  const Options& options = context.options;
  const Ruleset rules = with_config_chain(plan_ruleset(options.config), options.config);
  const bool legacy = options.backend == BackendKind::legacy;
  if (legacy && options.cleanup_only)
    return fail(Error{"--dry-run: clean-up of iptables-legacy's tables has no text: what is there "
                      "decides; 'iptables-legacy-save | grep WEIR_' shows it"},
                ExitCode::usage);
  const std::string text = options.cleanup_only ? render_removal()
                           : legacy             ? render_legacy(lower_for_legacy(rules))
                                                : render_ruleset(rules);
  const auto written = write_text(options.dry_run_file, text);
  return written ? 0 : fail(written.error(), ExitCode::other);
}

}  // namespace weir::init
