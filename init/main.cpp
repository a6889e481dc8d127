// SPDX-License-Identifier: Apache-2.0
// weir-init: reads the command line, then runs the command.
#include <chrono>
#include <span>
#include <string_view>

#include <malloc.h>

#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/install/host_care.hpp"
#include "init/install/network_namespace.hpp"
#include "init/system/exit_code.hpp"

namespace weir::init {
namespace {

int run_change(const CommandContext& context) {
  const Options& options = context.options;
  if (options.skip_rule_apply && options.run_validation) return run_verify(context);
  if (options.skip_rule_apply) {
    write_line(Stream::output, "skipped: nothing changed (--skip-rule-apply)");
    return 0;
  }
  if (options.dry_run) return run_dry(context);
  return options.cleanup_only ? run_cleanup(context) : run_install(context);
}

int run_command(const CommandContext& context) {
  switch (context.options.command) {
    case Command::check:
      return run_check(context);
    case Command::explain:
      return run_explain(context);
    case Command::status:
      return run_status(context);
    case Command::diff:
      return run_diff(context);
    case Command::completion:
      return run_completion(context);
    case Command::man:
      return run_man(context);
    case Command::verify:
      return run_verify(context);
    case Command::watch:
      return run_watch(context);
    case Command::confirm:
      return run_confirm(context);
    case Command::install:
    case Command::cleanup:
    default:
      return run_change(context);
  }
}

// What a container is started for; a question asked in it (kubectl exec) must not speak for it.
bool is_a_containers_task(Command command) {
  return command == Command::install || command == Command::cleanup || command == Command::verify ||
         command == Command::watch;
}

// Where the command works, before it looks at anything there.
Result<void> prepare(Options& options, const Environment& environment) {
  if (!options.network_namespace.empty() && !options.dry_run)
    TRY_VOID(enter_network_namespace(options.network_namespace));
  return take_care_of_host(options, environment);
}

int run(std::string_view program, std::span<const char* const> arguments) {
  const auto start = std::chrono::steady_clock::now();
  const Environment environment = process_environment();
  auto options = parse_options(arguments, environment, program);
  if (!options)
    return leave_termination_message(
        environment.variable("TERMINATION_LOG").value_or(Options{}.termination_log),
        fail(options.error(), ExitCode::usage));
  if (options->help) return run_help({*options, environment, start});
  if (options->version) return write_text("", "weir-init " WEIR_VERSION "\n") ? 0 : 1;
  write_lines_as_json(options->log_as_json);
  if (const auto prepared = prepare(*options, environment); !prepared)
    return fail(prepared.error());
  for (const auto& warning : options->warnings) write_line(Stream::error, "warning: " + warning);
  const int code = run_command({*options, environment, start});
  if (!is_a_containers_task(options->command)) return code;
  return leave_termination_message(options->termination_log, code);
}

}  // namespace
}  // namespace weir::init

int main(int argc, char** argv) {
  // Long lists live in large vectors; to map and unmap each of them costs more than to keep them.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  if (words.empty()) return weir::init::run({}, {});
  return weir::init::run(words[0], words.subspan(1));
}
