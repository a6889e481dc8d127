// SPDX-License-Identifier: Apache-2.0
// The flags that are kept with the rules come back as they were.
#include "init/install/config_chain.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/cli/canonical_flags.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/diff.hpp"
#include "random_config.hpp"

namespace weir::init {
namespace {

RedirectConfig config_for(const std::vector<std::string>& arguments) {
  const auto options = parse(arguments, fake_environment());
  EXPECT_TRUE(options) << options.error().message;
  return options ? options->config : RedirectConfig{};
}

std::string flags_for(const std::vector<std::string>& arguments) {
  return shell_text(to_arguments(config_for(arguments)));
}

TEST(CanonicalFlags, DefaultsAreLeftOut) {
  EXPECT_EQ(flags_for({}), "-u 1337 -g 1337");
  EXPECT_EQ(flags_for({"-p", "15001", "-z", "15006", "-m", "REDIRECT", "-i", "*", "-b", "*", "-d",
                       "15090,15021,15020"}),
            "-u 1337 -g 1337 -b '*' -d 15020-15021,15090 -i '*'");
}

TEST(CanonicalFlags, SpellingsOfAConfigurationAreOne) {
  EXPECT_EQ(flags_for({"-i", "198.51.100.0/24,192.0.2.0/24", "-u", "5,4", "-b", "81,80"}),
            flags_for({"-b", "80-81", "-u4,5,4", "-g", "4,5",
                       "--istio-service-cidr=192.0.2.0/24,192.0.2.0/24,198.51.100.7/24"}));
}

TEST(CanonicalFlags, PrefixesAreMerged) {
  const auto prefixes = [](const std::string& list) {
    const std::string flags = flags_for({"-x", list});
    return flags.substr(flags.find("-x ") + 3);
  };
  EXPECT_EQ(prefixes("203.0.113.128/25,203.0.113.0/25,203.0.113.4/30"), "203.0.113.0/24");
  EXPECT_EQ(prefixes("203.0.113.0/26,203.0.113.128/26,203.0.113.64/26,203.0.113.192/26"),
            "203.0.113.0/24");
  EXPECT_EQ(prefixes("203.0.113.128/26,203.0.113.64/26"), "203.0.113.64/26,203.0.113.128/26");
  EXPECT_EQ(prefixes("::/1,8000::/1,0.0.0.0/1,128.0.0.0/1"), "0.0.0.0/0,::/0");
  EXPECT_EQ(prefixes("::/0,0.0.0.0/0,2001:db8::/32,127.0.0.0/8,127.0.0.1"),
            "0.0.0.0/0,::/0,127.0.0.0/8");
}

TEST(CanonicalFlags, EveryCaseComesBack) {
  for (const Case& each : cases()) {
    const auto options = parse(each.arguments, fake_environment(each.variables));
    ASSERT_TRUE(options) << each.name;
    const auto back = from_arguments(to_arguments(options->config));
    ASSERT_TRUE(back) << each.name << ": " << back.error().message;
    EXPECT_EQ(*back, canonical(options->config)) << each.name;
    EXPECT_TRUE(diff_rulesets(plan_ruleset(*back), plan_ruleset(options->config)).empty())
        << each.name;
  }
}

TEST(CanonicalFlags, OrderThatMeansNothingChangesNoRule) {
  RandomConfig random(5);
  for (int i = 0; i < 1'000; ++i) {
    const RedirectConfig config = random.next();
    ASSERT_EQ(diff_rulesets(plan_ruleset(canonical(config)), plan_ruleset(config)), Diff{})
        << shell_text(to_arguments(config));
  }
}

TEST(ConfigChain, IsPiecesThatReadWell) {
  RedirectConfig config = config_for({"-i", "*"});
  for (std::uint32_t i = 0; i < 40; ++i)
    config.outbound_excluded_cidrs.emplace_back(IpAddress::v4(0xc6336400u + 2 * i), 32);
  const Ruleset rules = with_config_chain(plan_ruleset(config), config);
  const Chain* chain = rules.find_chain(kConfigChain);
  ASSERT_NE(chain, nullptr);
  EXPECT_FALSE(chain->base);
  EXPECT_EQ(chain->rules.front().comment, "weir-init " WEIR_VERSION);
  ASSERT_GT(chain->rules.size(), 4u);
  for (std::size_t i = 0; i < chain->rules.size(); ++i) {
    const Rule& rule = chain->rules[i];
    EXPECT_TRUE(rule.matches.empty());
    EXPECT_FALSE(rule.counter);
    EXPECT_TRUE(std::holds_alternative<Return>(rule.verdict));
    EXPECT_LE(rule.comment.size(), 120u);
    if (i != 0 && i + 1 != chain->rules.size()) {
      EXPECT_NE(std::string(" ,").find(rule.comment.back()), std::string::npos) << rule.comment;
    }
  }
  const auto kept = config_of(rules);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->config, canonical(config));
  EXPECT_EQ(kept->version, "weir-init " WEIR_VERSION);
}

TEST(ConfigChain, IsReplacedNotAdded) {
  const Ruleset once = with_config_chain(Ruleset{}, config_for({"-i", "*"}));
  const Ruleset twice = with_config_chain(once, config_for({"-b", "*"}));
  EXPECT_EQ(twice.chains.size(), 1u);
  EXPECT_TRUE(config_of(twice)->config.inbound_ports.is_all());
}

TEST(ConfigChain, FlagsThatAreTooLongAreNotKept) {
  RedirectConfig config;
  for (std::uint32_t i = 0; i < 1000; ++i)
    config.outbound_excluded_cidrs.emplace_back(IpAddress::v4(0x0a000000u + 2 * i), 32);
  const Ruleset rules = with_config_chain(Ruleset{}, config);
  ASSERT_EQ(rules.chains.front().rules.size(), 2u);
  EXPECT_TRUE(rules.chains.front().rules[1].comment.ends_with(" bytes, not kept"));
  const auto kept = config_of(rules);
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message.find("too long"), std::string::npos);
}

TEST(ConfigChain, WhatIsNotThereOrNotUnderstoodIsSaid) {
  EXPECT_NE(config_of(Ruleset{}).error().message.find("do not say"), std::string::npos);
  Ruleset rules = with_config_chain(Ruleset{}, {});
  rules.chains.front().rules[1].comment = "--of-the-future 1";
  EXPECT_NE(config_of(rules).error().message.find("--of-the-future"), std::string::npos);
  EXPECT_NE(config_of(rules).error().message.find("weir-init"), std::string::npos);
}

}  // namespace
}  // namespace weir::init
