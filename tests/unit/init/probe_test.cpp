// SPDX-License-Identifier: Apache-2.0
#include "init/verify/probe.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "init/plan/plan.hpp"
#include "init/verify/observation.hpp"
#include "init/verify/segment.hpp"
#include "tests/unit/init/random_config.hpp"

namespace weir::init {
namespace {

ProbeFacts facts() {
  ProbeFacts facts;
  facts.links.push_back({"weir-probe", *IpAddress::parse("192.0.2.1"),
                         *IpAddress::parse("2001:db8:ffff::1"), *IpAddress::parse("192.0.2.17"),
                         *IpAddress::parse("2001:db8:ffff::11"), 0x10000000});
  facts.local_addresses = {facts.links[0].v4, facts.links[0].v6, *IpAddress::parse("127.0.0.1"),
                           *IpAddress::parse("::1"), *IpAddress::parse("::6")};
  return facts;
}

RedirectConfig everything_captured() {
  RedirectConfig config;
  config.inbound_ports = PortSet::all();
  config.outbound_cidrs.all = true;
  return config;
}

Ruleset without(Ruleset rules, const RulePlace& place) {
  for (Chain& chain : rules.chains)
    if (chain.name == place.chain)
      chain.rules.erase(chain.rules.begin() + static_cast<std::ptrdiff_t>(place.rule));
  return rules;
}

// What is claimed: without the rule the packet's fate is another one.
void expect_honest(const Ruleset& rules, const ProbeChoice& choice) {
  for (const Probe& probe : choice.probes) {
    EXPECT_EQ(evaluate(rules, probe.packet), probe.expected);
    for (const RulePlace& place : probe.proves) {
      const Decision other = evaluate(without(rules, place), probe.packet);
      EXPECT_NE(std::tuple(other.landing, other.port, other.zone, other.ct_mark),
                std::tuple(probe.expected.landing, probe.expected.port, probe.expected.zone,
                           probe.expected.ct_mark))
          << describe(probe.packet) << ": " << place.chain << " " << place.rule;
    }
  }
}

TEST(ChooseProbes, EveryRuleOfTheDefaultSetThatDecidesIsProved) {
  const Ruleset rules = plan_ruleset(everything_captured());
  const ProbeChoice choice = choose_probes(rules, facts());
  expect_honest(rules, choice);
  std::set<std::string> proved;
  for (const Probe& probe : choice.probes)
    for (const RulePlace& place : probe.proves) proved.insert(place.chain);
  for (const char* chain : {"prerouting", "output", "proxy_output", "outbound", "to_inbound",
                            "to_outbound", "hold", "held"})
    EXPECT_TRUE(proved.contains(chain)) << chain;
  EXPECT_LE(choice.probes.size(), 25U);
}

TEST(ChooseProbes, BothDirectionsAndFamiliesAreAlwaysTried) {
  const ProbeChoice choice = choose_probes(plan_ruleset(RedirectConfig{}), facts());
  std::set<std::pair<bool, bool>> kinds;
  for (const Probe& probe : choice.probes)
    kinds.emplace(probe.packet.inbound, probe.packet.destination.is_v4());
  EXPECT_EQ(kinds.size(), 4U);
}

TEST(ChooseProbes, RandomConfigurationsGetHonestProbes) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    RandomConfig random{seed};
    const Ruleset rules = plan_ruleset(random.next());
    expect_honest(rules, choose_probes(rules, facts()));
  }
}

TEST(ChooseProbes, WithoutOtherUsersOnlyTheOwnOneConnects) {
  ProbeFacts own = facts();
  own.any_user = false;
  own.uid = own.gid = 1337;
  for (const Probe& probe : choose_probes(plan_ruleset(everything_captured()), own).probes)
    EXPECT_EQ(probe.packet.uid.value_or(1337), 1337U);
}

TEST(ChooseProbes, NobodyConnectsWhoIsNotMapped) {
  ProbeFacts rootless = facts();
  rootless.uids = parse_id_map("         0       1000          1\n");
  rootless.gids = parse_id_map("0 1000 1\n1 100000 65536\n");
  std::set<std::uint32_t> gids;
  for (const Probe& probe : choose_probes(plan_ruleset(everything_captured()), rootless).probes) {
    EXPECT_EQ(probe.packet.uid.value_or(0), 0U);
    if (probe.packet.gid) gids.insert(*probe.packet.gid);
  }
  EXPECT_EQ(gids, (std::set<std::uint32_t>{1000, 1337}))
      << "nobody whom a rule names, and the proxy";
}

TEST(IdMap, HoldsWhatItsLinesSay) {
  const auto map = parse_id_map("0 1000 1\n100 100000 10\n");
  for (const std::uint32_t id : {0U, 100U, 109U}) EXPECT_TRUE(is_mapped(map, id)) << id;
  for (const std::uint32_t id : {1U, 99U, 110U, 1000U}) EXPECT_FALSE(is_mapped(map, id)) << id;
  EXPECT_EQ(parse_id_map("0 0 4294967295\n"), std::vector{kEveryId}) << "the first namespace";
  EXPECT_TRUE(parse_id_map("").empty()) << "nobody was mapped yet";
}

TEST(InterfaceNames, AreFreeNamesThatTheRulesLookAt) {
  RedirectConfig config = everything_captured();
  config.excluded_interfaces = {{"eth0", false}, {"br", true}};
  config.virtual_interfaces = {{"eth7", false}};
  const auto names = interface_names(plan_ruleset(config), {"lo", "eth0", "br-weir"});
  EXPECT_EQ(names, (std::vector<std::string>{"br-wp", "eth7"}));
}

TEST(Observation, IsComparedWithWhatTheRulesSay) {
  Probe probe;
  probe.packet.source = *IpAddress::parse("192.0.2.1");
  probe.packet.destination = *IpAddress::parse("192.0.2.17");
  probe.packet.out_interface = "weir-probe";
  const Endpoint from{probe.packet.source, 40000};
  const Endpoint to{probe.packet.destination, 80};
  const ConntrackEntry direct{{6, from, to}, {6, to, from}};
  const Endpoint proxy{*IpAddress::parse("127.0.0.1"), 15001};
  const ConntrackEntry redirected{{6, from, to}, {6, proxy, from}};
  probe.expected.landing = Landing::direct;
  EXPECT_TRUE(is_as_expected(probe, {direct, Answer::none, {}}));
  EXPECT_FALSE(is_as_expected(probe, {redirected, Answer::none, {}}));
  EXPECT_FALSE(is_as_expected(probe, {std::nullopt, Answer::none, {}}));
  probe.expected = {.landing = Landing::redirected, .port = 15001};
  EXPECT_TRUE(is_as_expected(probe, {redirected, Answer::none, {}}));
  EXPECT_FALSE(is_as_expected(probe, {direct, Answer::none, {}}));
  EXPECT_FALSE(is_as_expected(probe, {redirected, Answer::established, 15006}));
  probe.expected.port = 15006;
  EXPECT_FALSE(is_as_expected(probe, {redirected, Answer::none, {}}));
  probe.expected = {.landing = Landing::dropped};
  EXPECT_TRUE(is_as_expected(probe, {redirected, Answer::none, {}})) << "dropped on its way in";
  EXPECT_FALSE(is_as_expected(probe, {redirected, Answer::refused, {}}));
  EXPECT_FALSE(is_as_expected(probe, {direct, Answer::none, {}})) << "it left";
  probe.expected = {.landing = Landing::rejected};
  EXPECT_TRUE(is_as_expected(probe, {std::nullopt, Answer::refused, {}}));
  EXPECT_FALSE(is_as_expected(probe, {direct, Answer::refused, {}}));
}

TEST(Observation, IsUndecidedUntilItIsElsewhere) {
  Probe probe;
  probe.packet.source = *IpAddress::parse("192.0.2.1");
  probe.packet.destination = *IpAddress::parse("192.0.2.17");
  probe.packet.out_interface = "weir-probe";
  const Endpoint from{probe.packet.source, 40000};
  const Endpoint to{probe.packet.destination, 80};
  const ConntrackEntry direct{{6, from, to}, {6, to, from}};
  const ConntrackEntry redirected{{6, from, to},
                                  {6, {*IpAddress::parse("127.0.0.1"), 15001}, from}};
  const Observation nothing;
  probe.listened = true;
  probe.expected = {.landing = Landing::redirected, .port = 15001};
  EXPECT_TRUE(can_become_expected(probe, nothing));
  EXPECT_TRUE(can_become_expected(probe, {redirected, Answer::none, {}})) << "not accepted yet";
  EXPECT_FALSE(can_become_expected(probe, {redirected, Answer::refused, {}}));
  EXPECT_FALSE(can_become_expected(probe, {direct, Answer::none, {}}));
  probe.expected = {.landing = Landing::direct};
  EXPECT_TRUE(can_become_expected(probe, nothing));
  EXPECT_FALSE(can_become_expected(probe, {redirected, Answer::none, {}}));
  probe.expected = {.landing = Landing::transparent, .port = 15006};
  EXPECT_TRUE(can_become_expected(probe, nothing));
  EXPECT_FALSE(can_become_expected(probe, {direct, Answer::established, 80}));
  probe.expected = {.landing = Landing::rejected};
  EXPECT_TRUE(can_become_expected(probe, nothing));
  EXPECT_FALSE(can_become_expected(probe, {direct, Answer::none, {}}));
  probe.expected = {.landing = Landing::dropped};
  EXPECT_FALSE(can_become_expected(probe, {std::nullopt, Answer::established, {}}));
}

TEST(Segment, ComesBackFromItsFrame) {
  for (const char* family : {"192.0.2.1 192.0.2.17", "2001:db8::1 2001:db8::17"}) {
    const std::string text = family;
    const auto space = text.find(' ');
    const Segment sent{6,
                       {*IpAddress::parse(text.substr(0, space)), 61017},
                       {*IpAddress::parse(text.substr(space + 1)), 80},
                       0x12,
                       7,
                       9};
    const auto frame = frame_bytes(sent, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2});
    const auto back = parse_frame(frame);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->source, sent.source);
    EXPECT_EQ(back->destination, sent.destination);
    EXPECT_EQ(back->flags, sent.flags);
    EXPECT_EQ(back->sequence, sent.sequence);
    EXPECT_EQ(back->acknowledged, sent.acknowledged);
    for (std::size_t length = 0; length < frame.size(); ++length)
      EXPECT_FALSE(parse_frame(std::span(frame).first(length))) << length;
  }
}

}  // namespace
}  // namespace weir::init
