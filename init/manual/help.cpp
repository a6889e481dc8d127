// SPDX-License-Identifier: Apache-2.0
#include "init/manual/help.hpp"

#include <algorithm>

namespace weir::init {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kFlagColumn = 46;

// Words of `text` from `column` to kWidth; the first line is begun already, at `column`.
std::string wrapped(std::string_view text, std::size_t column) {
  std::string result;
  std::size_t at = column;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (at > column && at + 1 + word.size() > kWidth) {
      result.append("\n").append(column, ' ');
      at = column;
    } else if (at > column) {
      result += ' ';
      ++at;
    }
    result += word;
    at += word.size();
  }
  return result + "\n";
}

std::string variables_text(const Flag& flag) {
  std::string names(flag.variables);
  for (std::size_t at = 0; (at = names.find(' ', at)) != std::string::npos; at += 2)
    names.insert(at, ",");
  return names.empty() ? "" : " (env " + names + ")";
}

std::string flag_help(const Flag& flag) {
  std::string line = flag.short_name != 0 ? std::string("  -") + flag.short_name + ", " : "      ";
  if (flag.name.empty()) {
    const std::string name(flag.variables.substr(0, flag.variables.find(' ')));
    line = "      " + name + "=" + std::string(hint_of(flag).value);
  } else {
    line += "--" + std::string(flag.name);
    if (flag.kind == FlagKind::text) line += " " + std::string(hint_of(flag).value);
  }
  std::string help(flag.help);
  if (!flag.name.empty()) help += variables_text(flag);
  if (line.size() + 2 > kFlagColumn) {
    line += "\n";
    line.append(kFlagColumn, ' ');
  } else {
    line.resize(kFlagColumn, ' ');
  }
  return line + wrapped(help, kFlagColumn);
}

std::string group_help(FlagGroup group, std::string_view title) {
  std::string text = "\n" + std::string(title) + "\n";
  for (const Flag& flag : flag_table())
    if (flag.group == group) text += flag_help(flag);
  return text;
}

std::string two_columns(std::string_view left, std::string_view right, std::size_t column) {
  std::string line = "  " + std::string(left);
  if (right.empty()) return line + "\n";
  if (line.size() + 2 > column) return line + "\n      " + wrapped(right, 6);
  line.resize(column, ' ');
  return line + wrapped(right, column);
}

std::string exits_help() {
  std::string text = "\nExit codes:\n";
  for (const ExitText& exit : exit_texts())
    text += two_columns(std::to_string(exit.code), exit.what, 7);
  return text;
}

std::string examples_help(std::span<const Example> examples) {
  std::string text;
  for (const Example& example : examples) text += two_columns(example.line, example.what, 54);
  return text;
}

constexpr Example kFirst[] = {
    {"weir-init check", "will it work here?"},
    {"weir-init -i '*' -b '*' -d 22 --dry-run", "print the rules, change nothing"},
    {"weir-init -i '*' -b '*' -d 22", "capture everything but SSH"},
    {"weir-init explain --uid 1000 --to 203.0.113.7:443", "where does such a connection land?"},
    {"weir-init status", "what is installed, what it has counted"},
    {"weir-init cleanup", "as it was before"},
};

}  // namespace

std::string program_help() {
  std::string text =
      "weir-init sends the connections of a network namespace through a proxy: nftables rules, or "
      "those\nof iptables-legacy, in one transaction, read back and proven.\n\n"
      "Usage: weir-init [COMMAND] [flags]        weir-init COMMAND --help says more\n\n";
  for (const CommandPage& page : command_pages()) text += two_columns(page.word, page.summary, 14);
  text += "\nExamples:\n" + examples_help(kFirst);
  text +=
      "\n" +
      wrapped(
          "The flags and environment variables are istio-iptables', and more; with --compat they "
          "are "
          "Kuma's or linkerd's. The command line wins over the environment, both over --config's "
          "file. Lists are separated by commas; lists of ports and prefixes may be @FILE: any "
          "number "
          "of items a line, '#' starts a comment. (One argument or variable holds 128 KB at most.) "
          "Defaults are in brackets.",
          0);
  text += group_help(FlagGroup::what, "What is captured:");
  text += group_help(FlagGroup::how, "What is done, and how:");
  text += group_help(FlagGroup::explain, "The connection that 'explain' is asked about:");
  text += group_help(FlagGroup::accepted, "Accepted without effect:");
  return text + exits_help();
}

std::string command_help(const CommandPage& page) {
  std::string text = "weir-init " + std::string(page.word) + ": " + std::string(page.summary) +
                     "\n\nUsage: weir-init " + std::string(page.word) +
                     (page.arguments.empty() ? "" : " " + std::string(page.arguments)) + "\n";
  if (!page.text.empty()) text += "\n" + wrapped(page.text, 0);
  text += "\nExamples:\n" + examples_help(page.examples);
  if (page.flags.empty()) return text;
  text += "\nFlags that matter most here (all: weir-init --help):\n";
  for (const FlagId id : page.flags) text += flag_help(flag_of(id));
  return text;
}

}  // namespace weir::init
