// SPDX-License-Identifier: Apache-2.0
// The first word of the command line: what is to be done. Pure.
#pragma once

#include <span>
#include <string_view>

#include "common/result.hpp"
#include "init/cli/cli.hpp"

namespace weir::init {

struct CommandWord {
  std::string_view word;
  Command command{};
  std::string_view help;
};

/// In the order of --help.
std::span<const CommandWord> command_words();

struct SplitCommand {
  Command command = Command::install;
  std::string shell;                   // completion
  std::span<const char* const> flags;  // what is left
};

/// Without a word in front of the flags it is `install`. Error names the nearest command.
Result<SplitCommand> split_command(std::span<const char* const> arguments);

}  // namespace weir::init
