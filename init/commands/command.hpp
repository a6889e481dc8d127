// SPDX-License-Identifier: Apache-2.0
// What weir-init can be told to do: one file and one function per command.
#pragma once

#include <chrono>

#include "init/cli/cli.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

struct CommandContext {
  const Options& options;
  const Environment& environment;
  std::chrono::steady_clock::time_point start;  // of the program, for "in 3.1 ms"
};

/// Each one prints its report and returns the exit code.
int run_install(const CommandContext& context);
int run_dry(const CommandContext& context);
int run_cleanup(const CommandContext& context);
int run_check(const CommandContext& context);
int run_explain(const CommandContext& context);
int run_status(const CommandContext& context);
int run_diff(const CommandContext& context);
int run_help(const CommandContext& context);
int run_man(const CommandContext& context);
int run_completion(const CommandContext& context);
int run_verify(const CommandContext& context);
int run_watch(const CommandContext& context);
int run_confirm(const CommandContext& context);

}  // namespace weir::init
