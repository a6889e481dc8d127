// SPDX-License-Identifier: Apache-2.0
// The order of reading, writing and proving, against a kernel that is a variable.
#include "init/install/install.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "init/install/report.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"
#include "init/system/exit_code.hpp"
#include "tests/support/every_construct.hpp"

namespace weir::init {
namespace {

class FakeBackend final : public Backend {
 public:
  std::optional<Ruleset> kernel;
  int stale_replacements = 0;  // how often the kernel has moved on before we write
  bool loses_a_rule = false;
  int read_error = 0;
  int reads_until_error = -1;
  bool lacks_optional_features = false;
  std::optional<Refusal> refusal;
  int writes = 0;

  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] Ruleset represent(const Ruleset& rules) const override { return rules; }
  Result<Observed> read() override {
    if (read_error != 0) return Error{"no", read_error};
    if (reads_until_error-- == 0) return Error{"no", EIO};
    return Observed{kernel, {}, {}, 1};
  }
  Result<void> replace(const Ruleset& desired, const Observed&) override {
    if (stale_replacements-- > 0) return Error{"stale", ERESTART};
    if (lacks_optional_features && !desired.timeouts.empty())
      return refuse({RulesetPart::timeout, "captured_v4", 0, false, ENOENT});
    if (lacks_optional_features && desired.find_chain("hold") != nullptr)
      return refuse({RulesetPart::rule, "hold_next", 1, false, EOPNOTSUPP});
    ++writes;
    kernel = desired;
    if (loses_a_rule) kernel->chains[1].rules.pop_back();
    return {};
  }
  [[nodiscard]] std::optional<Refusal> last_refusal() const override { return refusal; }
  Result<void> refuse(Refusal what) {
    refusal = std::move(what);
    return Error{"no", EOPNOTSUPP};
  }
  Result<void> restore(const Observed& before) override {
    kernel = before.rules;
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
  EXPECT_EQ(report->changes, diff_rulesets(wanted(), plan_ruleset(RedirectConfig{})));
  EXPECT_FALSE(report->changes.empty());
  EXPECT_EQ(*backend.kernel, wanted());
}

TEST(Install, FailsWhenTheKernelHoldsSomethingElse) {
  FakeBackend backend;
  backend.loses_a_rule = true;
  const auto report = install(backend, wanted(), nothing);
  EXPECT_EQ(report->outcome, Outcome::mismatch);
  EXPECT_EQ(describe_changes(*report).size(), 1u);
}

TEST(Install, PutsBackWhatWasThereWhenTheKernelHoldsSomethingElse) {
  FakeBackend backend;
  backend.kernel = plan_ruleset(RedirectConfig{});
  backend.loses_a_rule = true;
  EXPECT_EQ(install(backend, wanted(), nothing)->outcome, Outcome::mismatch);
  EXPECT_EQ(*backend.kernel, plan_ruleset(RedirectConfig{}));
}

TEST(Install, PutsBackWhatWasThereWhenItCannotBeReadBack) {
  FakeBackend backend;
  backend.reads_until_error = 1;
  EXPECT_EQ(install(backend, wanted(), nothing).error().code, EIO);
  EXPECT_FALSE(backend.kernel);
}

// A kernel that knows neither sockets nor ct timeouts.
TEST(Install, LeavesOutWhatTheKernelLacks) {
  FakeBackend backend;
  backend.lacks_optional_features = true;
  const auto report = install(backend, every_construct(), nothing);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->outcome, Outcome::installed);
  EXPECT_EQ(report->missing, (std::vector{OptionalFeature::close_wait_timeout,
                                          OptionalFeature::hold_until_listening}));
  EXPECT_EQ(*backend.kernel, report->rules);
  EXPECT_EQ(backend.kernel->find_chain("hold"), nullptr);
  EXPECT_TRUE(backend.kernel->timeouts.empty());
  EXPECT_EQ(install(backend, every_construct(), nothing)->outcome, Outcome::unchanged);
}

TEST(OptionalFeature, OfARefusedMessage) {
  const Ruleset rules = every_construct();
  const auto feature = [&](RulesetPart part, const char* name, std::size_t rule, int code) {
    return refused_feature(rules, Refusal{part, name, rule, false, code});
  };
  EXPECT_EQ(feature(RulesetPart::chain, "hold_next", 0, EOPNOTSUPP),
            OptionalFeature::hold_until_listening);
  EXPECT_EQ(feature(RulesetPart::rule, "more", 1, ENOENT), OptionalFeature::close_wait_timeout);
  EXPECT_EQ(feature(RulesetPart::rule, "more", 2, ENOENT), std::nullopt);
  EXPECT_EQ(feature(RulesetPart::rule, "hold", 0, ENOMEM), std::nullopt);
  EXPECT_EQ(feature(RulesetPart::chain, "output", 0, ENOENT), std::nullopt);
  EXPECT_EQ(feature(RulesetPart::set, "hold", 0, EINVAL), std::nullopt);
  EXPECT_EQ(refused_feature(rules, Refusal{RulesetPart::timeout, "x", 0, true, ENOENT}),
            std::nullopt);
}

TEST(OptionalFeature, TakesAlongTheSetsThatNobodyElseNeeds) {
  Ruleset rules = every_construct();
  rules.sets.push_back({"proxy_ports", KeyType::inet_service, "x", {}, {}});
  rules.chains[3].rules.push_back(
      {{Match{Field::tcp_dport, false, SetName{"proxy_ports"}}}, Drop{}, "wait"});
  rules.chains.push_back({"held", std::nullopt, {{{}, Drop{}, "wait"}}, {}});
  rules.chains[3].rules.push_back({{}, Goto{"held"}, "nobody listens"});
  EXPECT_EQ(refused_feature(rules, Refusal{RulesetPart::rule, "held_next", 0, false, ENOENT}),
            OptionalFeature::hold_until_listening);
  rules = without_feature(std::move(rules), OptionalFeature::hold_until_listening);
  EXPECT_EQ(rules.find_chain("held"), nullptr);
  EXPECT_NE(rules.find_chain("by_address"), nullptr);
  EXPECT_EQ(rules.find_set("proxy_ports"), nullptr);
  EXPECT_NE(rules.find_set("ports"), nullptr);
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
  Ruleset few;
  few.chains = {{"output", BaseHook{Hook::output, -101}, {{{}, Return{}, "x"}}, {}}};
  few.sets = {{"ports", KeyType::inet_service, "x", {{port_key(1), port_key(9)}}, {}}};
  EXPECT_EQ(describe_outcome(report, few, 2.06),
            "installed: table inet weir, 1 rules, 1 sets (1 elements), IPv4 and IPv6, read back "
            "and equal, in 2.1 ms");
  report.outcome = Outcome::replaced;
  report.changes.assign(14, "x");
  EXPECT_EQ(describe_changes(report).size(), 11u);
  EXPECT_EQ(describe_changes(report).back(), "changed: and 4 more");
  EXPECT_EQ(describe_removal({"table inet weir"}, {"address ::6/128 on lo"}),
            "removed: table inet weir, address ::6/128 on lo");
  EXPECT_EQ(describe_removal({}, {"address ::6/128 on lo"}), "removed: address ::6/128 on lo");
  EXPECT_EQ(describe_removal({}, {}), "unchanged: nothing of ours is here");
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
