// SPDX-License-Identifier: Apache-2.0
// What people read about each command: --help, the man page and the completions are made of it.
#pragma once

#include <span>
#include <string_view>

#include "init/cli/cli.hpp"
#include "init/cli/flag_table.hpp"

namespace weir::init {

struct Example {
  std::string_view line;  // as typed
  std::string_view what;
};

struct CommandPage {
  Command command{};
  std::string_view word;
  std::string_view arguments;     // behind the word in the synopsis
  std::string_view summary;       // one line, lower case
  std::string_view text;          // one paragraph
  std::span<const FlagId> flags;  // those that matter most to it
  std::span<const Example> examples;
};

/// In the order of --help. One for each command.
std::span<const CommandPage> command_pages();
const CommandPage* find_page(Command command);

/// What comes after a flag: "PORTS", and the words it may be, separated by blanks, if they are few.
struct FlagHint {
  FlagId id{};
  std::string_view value;
  std::string_view words;
};
/// "VALUE" and nothing for flags that say no more; booleans have none.
FlagHint hint_of(const Flag& flag);

struct ExitText {
  int code = 0;
  std::string_view what;
};
std::span<const ExitText> exit_texts();

}  // namespace weir::init
