// SPDX-License-Identifier: Apache-2.0
// The first word, and the flags of `explain`.
#include "init/cli/command_word.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"

namespace weir::init {
namespace {

Options accepted(const std::vector<std::string>& arguments,
                 const Environment& environment = fake_environment()) {
  auto options = parse(arguments, environment);
  EXPECT_TRUE(options) << options.error().message;
  return options ? *options : Options{};
}

std::string refused(const std::vector<std::string>& arguments) {
  const auto options = parse(arguments, fake_environment());
  EXPECT_FALSE(options) << "accepted";
  return options ? "" : options.error().message;
}

TEST(CommandWord, WithoutOneItInstalls) {
  EXPECT_EQ(accepted({}).command, Command::install);
  EXPECT_EQ(accepted({"-b", "*"}).command, Command::install);
  EXPECT_EQ(accepted({"install", "-b", "*"}).command, Command::install);
  EXPECT_EQ(accepted({"install", "-b", "*"}).config, accepted({"-b", "*"}).config);
}

TEST(CommandWord, EachOneIsKnown) {
  for (const CommandWord& word : command_words()) {
    if (word.command == Command::explain) continue;  // wants --to
    EXPECT_EQ(accepted({std::string(word.word)}).command, word.command) << word.word;
  }
}

TEST(CommandWord, CleanupIsAWordAFlagAndAVariable) {
  const Environment variable = fake_environment({{"CLEANUP_ONLY", "true"}});
  for (const Options& options :
       {accepted({"cleanup"}), accepted({"--cleanup-only"}), accepted({}, variable)}) {
    EXPECT_EQ(options.command, Command::cleanup);
    EXPECT_TRUE(options.cleanup_only);
  }
  // A variable that is there for another run does not turn a question into a removal.
  EXPECT_FALSE(accepted({"explain", "--to", "198.51.100.7:80"}, variable).cleanup_only);
}

TEST(CommandWord, AMisspeltOneIsToldTheNearest) {
  EXPECT_EQ(refused({"instal", "-b", "*"}), "command 'instal': not known; did you mean 'install'?");
  EXPECT_NE(refused({"frobnicate"}).find("the commands are install, cleanup"), std::string::npos);
  EXPECT_NE(refused({""}).find("command '': not known"), std::string::npos);
}

TEST(CommandWord, AFlagOrVariableThatSaysWhatIsCapturedIsAConfiguration) {
  EXPECT_FALSE(accepted({}).has_config);
  EXPECT_FALSE(accepted({"--json", "--backend", "nftables"}).has_config);
  EXPECT_TRUE(accepted({"-i", "*"}).has_config);
  EXPECT_TRUE(accepted({}, fake_environment({{"PROXY_UID", "7"}})).has_config);
}

}  // namespace
}  // namespace weir::init
