// SPDX-License-Identifier: Apache-2.0
// Drift, its lines, counters by purpose, and what status makes of them.
#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/cli/canonical_flags.hpp"
#include "init/explain/status_report.hpp"
#include "init/install/drift.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

class PlainBackend final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return "plain"; }
  [[nodiscard]] Ruleset represent(const Ruleset& rules) const override { return rules; }
  Result<Observed> read() override { return Observed{}; }
  Result<void> replace(const Ruleset&, const Observed&) override { return {}; }
  Result<void> restore(const Observed&) override { return {}; }
  Result<bool> remove() override { return false; }
};

RedirectConfig config_for(const std::vector<std::string>& arguments) {
  return parse(arguments, fake_environment())->config;
}
Ruleset installed(const RedirectConfig& config) {
  return with_config_chain(plan_ruleset(config), config);
}
Chain& chain_of(Ruleset& rules, std::string_view name) {
  for (Chain& chain : rules.chains)
    if (chain.name == name) return chain;
  throw std::out_of_range(std::string(name));
}

TEST(Drift, IsNoneWhereNothingChanged) {
  for (const Case& each : cases()) {
    const RedirectConfig config = parse(each.arguments, fake_environment(each.variables))->config;
    const Drift drift = find_drift(PlainBackend{}, config, installed(config));
    EXPECT_TRUE(drift.differences.empty()) << each.name;
    EXPECT_TRUE(drift.left_out.empty()) << each.name;
    Ruleset live = plan_ruleset(config);
    EXPECT_TRUE(delta_lines(drift.desired, live).empty()) << each.name;
  }
}

TEST(Drift, EveryRuleThatIsGoneIsSeen) {
  const RedirectConfig config = config_for({"-i", "*", "-b", "*", "-d", "15020"});
  const Ruleset whole = plan_ruleset(config);
  for (std::size_t c = 0; c < whole.chains.size(); ++c)
    for (std::size_t r = 0; r < whole.chains[c].rules.size(); ++r) {
      Ruleset live = installed(config);
      live.chains[c].rules.erase(live.chains[c].rules.begin() + static_cast<std::ptrdiff_t>(r));
      const Drift drift = find_drift(PlainBackend{}, config, live);
      EXPECT_EQ(drift.differences.size(), 1u) << whole.chains[c].name << " " << r;
    }
}

TEST(Drift, WhatTheKernelLacksIsNotDrift) {
  const RedirectConfig config = config_for({"-i", "*"});
  const Ruleset live = without_feature(installed(config), OptionalFeature::hold_until_listening);
  const Drift drift = find_drift(PlainBackend{}, config, live);
  EXPECT_TRUE(drift.differences.empty());
  EXPECT_EQ(drift.left_out, std::vector{OptionalFeature::hold_until_listening});
}

TEST(DeltaLines, AreAUnifiedDiff) {
  const RedirectConfig config = config_for({"-i", "*", "-u", "1337,1338"});
  const Ruleset desired = plan_ruleset(config);
  Ruleset live = desired;
  Chain& outbound = chain_of(live, "outbound");
  outbound.rules.erase(outbound.rules.begin());
  Rule extra = outbound.rules.back();
  extra.comment = "by hand";
  outbound.rules.push_back(extra);
  for (Set& set : live.sets)
    if (set.name == "proxy_uids") set.elements.pop_back();
  const auto lines = delta_lines(desired, live);
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  EXPECT_NE(text.find("@@ set 'proxy_uids' @@\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n+  1338\n"), std::string::npos) << text;
  EXPECT_NE(text.find("@@ chain 'outbound' @@\n+  oifname \"lo\" counter return"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n-  counter goto to_outbound comment \"by hand\"\n"), std::string::npos)
      << text;
}

TEST(DeltaLines, NameWhatIsMissingAndWhatIsNotWanted) {
  const Ruleset rules = plan_ruleset(config_for({"-i", "*"}));
  const auto to_add = delta_lines(rules, Ruleset{});
  EXPECT_EQ(std::count_if(to_add.begin(), to_add.end(), [](auto& l) { return l[0] == '-'; }), 0);
  const auto to_remove = delta_lines(Ruleset{}, rules);
  EXPECT_EQ(to_add.size(), to_remove.size());
  EXPECT_TRUE(to_remove.front().ends_with("not wanted"));
}

Observed counted(const RedirectConfig& config) {
  Observed observed;
  observed.rules = installed(config);
  for (const Chain& chain : observed.rules->chains)
    for (std::size_t i = 0; i < chain.rules.size(); ++i)
      if (chain.rules[i].counter) observed.counters.push_back({chain.name, i, 1, 60});
  return observed;
}

TEST(Purposes, GroupWhatRulesCounted) {
  const RedirectConfig config =
      config_for({"-i", "*", "-b", "*", "-o", "22", "--reject-quic", "--drop-invalid"});
  const auto counts = count_purposes(counted(config), config);
  std::vector<std::pair<Purpose, std::uint64_t>> totals;
  for (const PurposeCount& count : counts) {
    if (totals.empty() || totals.back().first != count.purpose)
      totals.push_back({count.purpose, 0});
    totals.back().second += count.packets;
    EXPECT_FALSE(count.reason.starts_with("escapes:")) << count.reason;
  }
  std::vector<Purpose> purposes;
  for (const auto& [purpose, total] : totals) purposes.push_back(purpose);
  EXPECT_EQ(purposes, (std::vector{Purpose::redirected_outbound, Purpose::redirected_inbound,
                                   Purpose::left_alone, Purpose::escaped, Purpose::held,
                                   Purpose::dropped, Purpose::rejected}));
}

StatusReport healthy() {
  StatusReport report;
  report.installed = true;
  report.backend = "nftables";
  const RedirectConfig config = config_for({"-i", "*"});
  report.kept = KeptConfig{"weir-init 1", to_arguments(config), config};
  report.ports = proxy_ports(config, {{false, *Endpoint::parse("0.0.0.0:15001"), 1337}});
  return report;
}

TEST(Status, CodesTellIntactDriftAndNothing) {
  StatusReport report = healthy();
  EXPECT_EQ(status_code(report), ExitCode::ok);
  report.drift = {"chain 'output': …"};
  EXPECT_EQ(status_code(report), ExitCode::verification);
  report = healthy();
  report.routing_drift = {"address ::6/128 on lo: missing"};
  EXPECT_EQ(status_code(report), ExitCode::verification);
  report = healthy();
  report.kept.reset();
  EXPECT_EQ(status_code(report), ExitCode::verification);
  EXPECT_EQ(status_code(StatusReport{}), ExitCode::other);
}

TEST(Status, SaysWhatIsThere) {
  const std::string text = status_text(healthy());
  for (const char* part :
       {"installed: nftables, by weir-init 1", "-u 1337 -g 1337 -i '*'", "rules:     intact",
        "15001 outbound: 0.0.0.0:15001 (user 1337)", "15006 inbound: nobody listens"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  const std::string json = status_json(healthy());
  EXPECT_NE(json.find("\"intact\": true"), std::string::npos);
  EXPECT_NE(json.find("\"uid\": 1337"), std::string::npos);
  EXPECT_NE(status_json(StatusReport{}).find("\"installed\": false"), std::string::npos);
}

}  // namespace
}  // namespace weir::init
