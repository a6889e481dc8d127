// SPDX-License-Identifier: Apache-2.0
// The order of reading, writing and proving, against a kernel that is a variable.
#include "init/install.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "init/exit_code.hpp"
#include "init/plan.hpp"
#include "init/report.hpp"

namespace weir::init {
namespace {

class FakeBackend final : public Backend {
 public:
  std::optional<Ruleset> kernel;
  int stale_replacements = 0;  // how often the kernel has moved on before we write
  bool loses_a_rule = false;
  int read_error = 0;
  int writes = 0;

  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] Ruleset represent(const Ruleset& rules) const override { return rules; }
  Result<Observed> read() override {
    if (read_error != 0) return Error{"no", read_error};
    return Observed{kernel, {}, {}, 1};
  }
  Result<void> replace(const Ruleset& desired, const Observed&) override {
    if (stale_replacements-- > 0) return Error{"stale", ERESTART};
    ++writes;
    kernel = desired;
    if (loses_a_rule) kernel->chains[1].rules.pop_back();
    return {};
  }
  Result<bool> remove() override {
    const bool was = kernel.has_value();
    kernel.reset();
    return was;
  }
};

Result<void> nothing() { return {}; }

Ruleset wanted() {
  RedirectConfig config;
  config.outbound_cidrs.all = true;
  return plan_ruleset(config);
}

TEST(Install, WritesOnceThenLeavesAlone) {
  FakeBackend backend;
  EXPECT_EQ(install(backend, wanted(), nothing)->outcome, Outcome::installed);
  EXPECT_EQ(install(backend, wanted(), nothing)->outcome, Outcome::unchanged);
  EXPECT_EQ(backend.writes, 1);
}

TEST(Install, ReplacesOtherRulesAndSaysWhatWasDifferent) {
  FakeBackend backend;
  backend.kernel = plan_ruleset(RedirectConfig{});
  const auto report = install(backend, wanted(), nothing);
  EXPECT_EQ(report->outcome, Outcome::replaced);
  ASSERT_EQ(report->changes.size(), 1u);
  EXPECT_TRUE(report->changes[0].starts_with("chain 'outbound': rule 3 to add"))
      << report->changes[0];
  EXPECT_EQ(*backend.kernel, wanted());
}

TEST(Install, FailsWhenTheKernelHoldsSomethingElse) {
  FakeBackend backend;
  backend.loses_a_rule = true;
  const auto report = install(backend, wanted(), nothing);
  EXPECT_EQ(report->outcome, Outcome::mismatch);
  EXPECT_EQ(describe_changes(*report).size(), 1u);
}

TEST(Install, StartsAgainWhenOthersWriteAtTheSameTime) {
  FakeBackend backend;
  backend.stale_replacements = 3;
  EXPECT_EQ(install(backend, wanted(), nothing)->outcome, Outcome::installed);
  FakeBackend busy;
  busy.stale_replacements = 100;
  EXPECT_EQ(install(busy, wanted(), nothing).error().code, ERESTART);
}

TEST(Install, DoesNothingWhenReadingFailsOrTheCallerObjects) {
  FakeBackend backend;
  backend.read_error = EPERM;
  bool asked = false;
  const auto ask = [&]() -> Result<void> { return asked = true, Result<void>{}; };
  EXPECT_EQ(install(backend, wanted(), ask).error().code, EPERM);
  EXPECT_FALSE(asked);
  backend.read_error = 0;
  EXPECT_FALSE(install(backend, wanted(), [] { return Result<void>(Error{"no", EIO}); }));
  EXPECT_EQ(backend.writes, 0);
}

TEST(Report, SaysOneFactALine) {
  InstallReport report;
  report.outcome = Outcome::installed;
  EXPECT_EQ(describe_outcome(report, wanted(), 2.06),
            "installed: table inet weir, 14 rules, 3 sets (3 elements), IPv4 and IPv6, read back "
            "and equal, in 2.1 ms");
  report.outcome = Outcome::replaced;
  report.changes.assign(14, "x");
  EXPECT_EQ(describe_changes(report).size(), 11u);
  EXPECT_EQ(describe_changes(report).back(), "changed: and 4 more");
  EXPECT_EQ(describe_removal(true, {"address ::6/128 on lo"}),
            "removed: table inet weir, address ::6/128 on lo");
  EXPECT_EQ(describe_removal(false, {"address ::6/128 on lo"}), "removed: address ::6/128 on lo");
  EXPECT_EQ(describe_removal(false, {}), "unchanged: nothing of ours is here");
}

TEST(Report, SaysWhoDecidesFirst) {
  EXPECT_EQ(
      describe_conflicts({{"table ip nat, chain OUTPUT", -100}, {"table ip x, chain y", -150}}),
      (std::vector<std::string>{
          "warning: other NAT rules decide after ours: table ip nat, chain OUTPUT (priority -100)",
          "warning: other NAT rules decide before ours: table ip x, chain y (priority -150)"}));
}

TEST(ExitCode, FollowsFromTheErrno) {
  EXPECT_EQ(exit_code_of(EPERM), ExitCode::capability);
  EXPECT_EQ(exit_code_of(EOPNOTSUPP), ExitCode::kernel_feature);
  EXPECT_EQ(exit_code_of(EBUSY), ExitCode::conflict);
  EXPECT_EQ(exit_code_of(EIO), ExitCode::other);
}

}  // namespace
}  // namespace weir::init
