// SPDX-License-Identifier: Apache-2.0
#include "init/cli/command_word.hpp"

#include <algorithm>
#include <vector>

#include "init/cli/nearest_name.hpp"

namespace weir::init {
namespace {

constexpr CommandWord kWords[] = {
    {"install", Command::install, "put the rules in force; what is done without a word"},
    {"cleanup", Command::cleanup, "remove everything of ours, whatever it was installed with"},
    {"check", Command::check, "before anything: can it work here, and what stands in the way"},
    {"explain", Command::explain, "where one connection goes, by which rule, and why"},
    {"status", Command::status, "what is installed, whether it is intact, what it has counted"},
    {"diff", Command::diff, "what differs between flags and kernel, line by line"},
    {"verify", Command::verify, "prove the rules with connections in both directions"},
    {"watch", Command::watch, "stay, and repair what others change"},
    {"confirm", Command::confirm, "keep an installation that waits for it (--confirm)"},
    {"completion", Command::completion, "print a shell's completions"},
    {"man", Command::man, "print the man page"},
};

Error unknown_command(std::string_view word) {
  std::vector<std::string_view> known;
  std::string all;
  for (const CommandWord& candidate : kWords) {
    known.push_back(candidate.word);
    all += (all.empty() ? "" : ", ") + std::string(candidate.word);
  }
  const std::string remedy = suggestion(word, known);
  return Error{"command '" + std::string(word) + "': not known" +
               (remedy.empty() ? "; the commands are " + all : remedy)};
}

}  // namespace

std::span<const CommandWord> command_words() { return kWords; }

Result<SplitCommand> split_command(std::span<const char* const> arguments) {
  SplitCommand split;
  split.flags = arguments;
  if (arguments.empty() || arguments[0][0] == '-') return split;
  const std::string_view word = arguments[0];
  const auto* const known = std::find_if(std::begin(kWords), std::end(kWords),
                                         [&](const CommandWord& w) { return w.word == word; });
  if (known == std::end(kWords)) return unknown_command(word);
  split.command = known->command;
  split.flags = arguments.subspan(1);
  if (split.command == Command::completion && !split.flags.empty() && split.flags[0][0] != '-') {
    split.shell = split.flags[0];
    split.flags = split.flags.subspan(1);
  }
  return split;
}

}  // namespace weir::init
