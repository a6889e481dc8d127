// SPDX-License-Identifier: Apache-2.0
// What people read: --help, the man page, the completions.
#include <algorithm>

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/cli/command_word.hpp"
#include "init/manual/completion.hpp"
#include "init/manual/help.hpp"
#include "init/manual/man_page.hpp"

namespace weir::init {
namespace {

// In characters, of which "…" is one.
std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0, line = 0;
  for (const char c : text) {
    line = c == '\n' ? 0 : line + ((static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0);
    longest = std::max(longest, line);
  }
  return longest;
}

TEST(Manual, EveryCommandHasAPageAndEveryPageACommand) {
  EXPECT_EQ(command_words().size(), command_pages().size());
  for (const CommandWord& word : command_words()) {
    const CommandPage* page = find_page(word.command);
    ASSERT_NE(page, nullptr) << word.word;
    EXPECT_EQ(page->word, word.word);
    EXPECT_FALSE(page->examples.empty()) << word.word;
  }
}

TEST(Manual, EveryExampleIsACommandLineThatIsUnderstood) {
  const auto environment = fake_environment({}, {{"weir.yaml", "istio-inbound-ports: '*'\n"}});
  for (const CommandWord& word : command_words())
    for (const Example& example : find_page(word.command)->examples) {
      std::string line(example.line);
      if (!line.starts_with("weir-init ") || line.find_first_of("|>") != std::string::npos)
        continue;
      line.erase(std::remove(line.begin(), line.end(), '\''), line.end());
      std::vector<std::string> words;
      for (std::size_t at = 0; at < line.size();) {
        const auto end = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end + 1;
      }
      words.erase(words.begin());
      const auto options = parse(words, environment);
      EXPECT_TRUE(options) << line << ": " << options.error().message;
    }
}

TEST(Manual, HelpFitsATerminal) {
  EXPECT_LE(longest_line(program_help()), 100u);
  for (const CommandPage& page : command_pages()) {
    const std::string help = command_help(page);
    EXPECT_LE(longest_line(help), 100u) << page.word;
    EXPECT_TRUE(help.starts_with("weir-init " + std::string(page.word) + ": "));
  }
}

TEST(Manual, HelpIsAboutTheCommandThatIsNamed) {
  EXPECT_FALSE(parse({"--help"}, fake_environment())->command_given);
  const auto options = parse({"cleanup", "--help"}, fake_environment());
  EXPECT_TRUE(options->help && options->command_given);
  EXPECT_EQ(options->command, Command::cleanup);
}

TEST(Manual, TheManPageHasEveryFlagVariableAndCode) {
  const std::string page = man_page();
  for (const Flag& flag : flag_table()) {
    if (!flag.name.empty()) {
      EXPECT_NE(page.find(roff_text("--" + std::string(flag.name))), std::string::npos)
          << flag.name;
    }
    EXPECT_NE(page.find(flag.variables.substr(0, flag.variables.find(' '))), std::string::npos);
  }
  for (const ExitText& exit : exit_texts())
    EXPECT_NE(page.find("\\fB" + std::to_string(exit.code) + "\\fR"), std::string::npos);
  // A dot or quote at the beginning of a line would be a request.
  EXPECT_EQ(roff_text(".x\n'y-\\"), "\\&.x\n\\&\\(aqy\\-\\e");
}

TEST(Manual, CompletionsHaveEveryCommandFlagAndValue) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell);
    ASSERT_TRUE(script);
    for (const CommandPage& page : command_pages())
      EXPECT_NE(script->find(page.word), std::string::npos) << shell << ' ' << page.word;
    for (const Flag& flag : flag_table()) {
      if (!flag.name.empty()) {
        EXPECT_NE(script->find(flag.name), std::string::npos) << shell << ' ' << flag.name;
      }
    }
    EXPECT_NE(script->find("auto nftables legacy"), std::string::npos);
  }
  EXPECT_EQ(completion_script("tcsh").error().message,
            "completion 'tcsh': neither bash, zsh nor fish");
  EXPECT_EQ(completion_script("").error().message, "completion: name a shell: bash, zsh or fish");
}

}  // namespace
}  // namespace weir::init
