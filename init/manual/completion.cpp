// SPDX-License-Identifier: Apache-2.0
#include "init/manual/completion.hpp"

#include "init/manual/command_page.hpp"

namespace weir::init {
namespace {

constexpr std::string_view kFiles = "@file";

std::string all_commands() {
  std::string text;
  for (const CommandPage& page : command_pages())
    text.append(text.empty() ? "" : " ").append(page.word);
  return text;
}

std::string all_flags() {
  std::string text;
  for (const Flag& flag : flag_table())
    if (!flag.name.empty()) text.append(text.empty() ? "--" : " --").append(flag.name);
  return text;
}

std::string spellings(const Flag& flag) {
  std::string text = "--" + std::string(flag.name);
  if (flag.short_name != 0) text += std::string("|-") + flag.short_name;
  return text;
}

// Flags whose value is a file, or one that the shell cannot know.
std::string flags_with(bool files) {
  std::string text;
  for (const Flag& flag : flag_table()) {
    const FlagHint hint = hint_of(flag);
    if (flag.name.empty() || flag.kind != FlagKind::text) continue;
    if (hint.words == kFiles ? !files : files || !hint.words.empty()) continue;
    text.append(text.empty() ? "" : "|").append(spellings(flag));
  }
  return text;
}

std::string bash_script() {
  std::string text =
      "# bash completion for weir-init; to be sourced\n"
      "_weir_init() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  # '=' is a word of its own to readline\n"
      "  if [[ $word == = ]]; then word=; "
      "elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
      "  case $before in\n";
  for (const Flag& flag : flag_table()) {
    const FlagHint hint = hint_of(flag);
    if (flag.name.empty() || hint.words.empty() || hint.words == kFiles) continue;
    text += "    " + spellings(flag) + ") COMPREPLY=($(compgen -W '" + std::string(hint.words) +
            "' -- \"$word\")); return ;;\n";
  }
  text += "    " + flags_with(true) + ") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n";
  text += "    " + flags_with(false) + ") COMPREPLY=(); return ;;\n";
  text +=
      "    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")); return ;;\n"
      "  esac\n"
      "  if [[ $COMP_CWORD -eq 1 && $word != -* ]]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      all_commands() +
      "' -- \"$word\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -W '" +
      all_flags() +
      "' -- \"$word\"))\n"
      "  fi\n"
      "}\n"
      "complete -F _weir_init weir-init\n";
  return text;
}

// Of the characters that end a description in zsh's and fish's quotes.
std::string quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':') {
      result += c == ':' ? "," : c == '[' ? "(" : ")";
    } else if (c != '\'' && c != '\\') {
      result += c;
    }
  }
  return result;
}

std::string zsh_script() {
  std::string text =
      "#compdef weir-init\n"
      "_weir_init() {\n"
      "  local -a commands\n  commands=(\n";
  for (const CommandPage& page : command_pages())
    text += "    '" + std::string(page.word) + ":" + quoted(page.summary) + "'\n";
  text += "  )\n  _arguments \\\n";
  for (const Flag& flag : flag_table()) {
    if (flag.name.empty()) continue;
    const FlagHint hint = hint_of(flag);
    std::string value;
    if (flag.kind == FlagKind::text)
      value = ":" + quoted(hint.value) + ":" +
              (hint.words == kFiles ? "_files"
               : hint.words.empty() ? " "
                                    : "(" + std::string(hint.words) + ")");
    text += "    '--" + std::string(flag.name) + (flag.kind == FlagKind::text ? "=" : "") + "[" +
            quoted(flag.help) + "]" + value + "' \\\n";
    if (flag.short_name != 0)
      text += std::string("    '-") + flag.short_name + "[" + quoted(flag.help) + "]" + value +
              "' \\\n";
  }
  text +=
      "    '1: :{_describe command commands}' \\\n"
      "    '2: :{[[ $words[2] == completion ]] && compadd bash zsh fish}'\n"
      "}\n"
      "if [[ $funcstack[1] == _weir_init ]]; then _weir_init \"$@\"; "
      "else compdef _weir_init weir-init; fi\n";
  return text;
}

std::string fish_script() {
  std::string text = "# fish completion for weir-init\ncomplete -c weir-init -f\n";
  for (const CommandPage& page : command_pages())
    text += "complete -c weir-init -n __fish_use_subcommand -a " + std::string(page.word) +
            " -d '" + quoted(page.summary) + "'\n";
  text += "complete -c weir-init -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
  for (const Flag& flag : flag_table()) {
    if (flag.name.empty()) continue;
    const FlagHint hint = hint_of(flag);
    text += "complete -c weir-init -l " + std::string(flag.name);
    if (flag.short_name != 0) text += std::string(" -s ") + flag.short_name;
    if (hint.words == kFiles) {
      text += " -r -F";
    } else if (!hint.words.empty()) {
      text += " -x -a '" + std::string(hint.words) + "'";
    } else if (flag.kind == FlagKind::text) {
      text += " -x";
    }
    text += " -d '" + quoted(flag.help) + "'\n";
  }
  return text;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  if (shell.empty()) return Error{"completion: name a shell: bash, zsh or fish"};
  return Error{"completion '" + std::string(shell) + "': neither bash, zsh nor fish"};
}

}  // namespace weir::init
