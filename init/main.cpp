// SPDX-License-Identifier: Apache-2.0
// weir-init: reads the command line, then runs the command.
#include <chrono>
#include <span>
#include <string_view>

#include "init/commands/command.hpp"
#include "init/exit_code.hpp"
#include "init/process.hpp"

namespace weir::init {
namespace {

int run_change(const CommandContext& context) {
  const Options& options = context.options;
  if (options.skip_rule_apply) {
    write_line(Stream::output, "skipped: nothing changed (--skip-rule-apply)");
    return 0;
  }
  if (options.dry_run) return run_dry(context);
  return options.cleanup_only ? run_cleanup(context) : run_install(context);
}

int run_command(const CommandContext& context) {
  switch (context.options.command) {
    case Command::install:
    case Command::cleanup:
    default:
      return run_change(context);
  }
}

int run(std::string_view program, std::span<const char* const> arguments) {
  const auto start = std::chrono::steady_clock::now();
  const Environment environment = process_environment();
  const auto options = parse_options(arguments, environment, program);
  if (!options) return fail(options.error(), ExitCode::usage);
  if (options->help) return write_text("", help_text()) ? 0 : 1;
  if (options->version) return write_text("", "weir-init " WEIR_VERSION "\n") ? 0 : 1;
  for (const auto& warning : options->warnings) write_line(Stream::error, "warning: " + warning);
  return run_command({*options, environment, start});
}

}  // namespace
}  // namespace weir::init

int main(int argc, char** argv) {
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  if (words.empty()) return weir::init::run({}, {});
  return weir::init::run(words[0], words.subspan(1));
}
