// SPDX-License-Identifier: Apache-2.0
#include "ctl/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<CommandLine> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "weirctl");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, InjectReadsStandardInputUnlessFilesAreNamed) {
  const auto plain = parse({"inject"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->options.command, Command::inject);
  EXPECT_THAT(plain->options.files, ElementsAre("-"));
  EXPECT_TRUE(plain->options.inject.native_sidecar);
  const auto files = parse({"uninject", "-f", "a", "-f", "b", "-o", "json"});
  ASSERT_TRUE(files);
  EXPECT_EQ(files->options.command, Command::uninject);
  EXPECT_THAT(files->options.files, ElementsAre("a", "b"));
  EXPECT_EQ(files->options.output, inject::Output::json);
}

TEST(Options, Wait) {
  const auto out =
      parse({"wait", "--admin", "127.0.0.1:9", "--timeout", "1s", "--interval", "20ms"});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->options.wait.admin.port, 9);
  EXPECT_EQ(out->options.wait.timeout, std::chrono::seconds(1));
  EXPECT_EQ(out->options.wait.interval, std::chrono::milliseconds(20));
}

TEST(Options, Drain) {
  const auto out = parse({"drain", "--admin", "127.0.0.1:9", "--timeout", "1s"});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->options.command, Command::drain);
  EXPECT_EQ(out->options.drain.admin.port, 9);
  EXPECT_EQ(out->options.drain.timeout, std::chrono::seconds(1));
  EXPECT_EQ(parse({"drain"})->options.drain.timeout, std::chrono::seconds(5));
}

TEST(Options, WrongUsageSaysWhat) {
  EXPECT_THAT(parse({"wait", "--timeout", "soon"}).error().message, HasSubstr("--timeout 'soon'"));
  EXPECT_THAT(parse({"wait", "--timeout", "0s"}).error().message, HasSubstr("--timeout '0s'"));
  EXPECT_THAT(parse({"inject", "--control", "a:1", "--config-map", "b"}).error().message,
              HasSubstr("excludes --config-map"));
  EXPECT_THAT(parse({"inject", "--policy", "maybe"}).error().message,
              HasSubstr("--policy 'maybe'"));
  EXPECT_FALSE(parse({}));
  EXPECT_FALSE(parse({"explode"}));
}

TEST(Options, HelpHasExamples) {
  for (const char* command : {"inject", "uninject", "wait", "drain"}) {
    const auto out = parse({command, "--help"});
    ASSERT_TRUE(out);
    EXPECT_THAT(*out->text, HasSubstr(std::string("weirctl ") + command));
  }
}

}  // namespace
}  // namespace weir::ctl
