// SPDX-License-Identifier: Apache-2.0
// What only prints text about the program: --help, man, completion.
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/manual/completion.hpp"
#include "init/manual/help.hpp"
#include "init/manual/man_page.hpp"

namespace weir::init {
namespace {

int print(const std::string& text) {
  const auto written = write_text("", text);
  return written ? 0 : fail(written.error(), ExitCode::other);
}

}  // namespace

int run_help(const CommandContext& context) {
  const CommandPage* page =
      context.options.command_given ? find_page(context.options.command) : nullptr;
  return print(page != nullptr ? command_help(*page) : program_help());
}

int run_man(const CommandContext&) { return print(man_page()); }

int run_completion(const CommandContext& context) {
  const auto script = completion_script(context.options.shell);
  return script ? print(*script) : fail(script.error(), ExitCode::usage);
}

}  // namespace weir::init
