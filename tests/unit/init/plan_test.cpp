// SPDX-License-Identifier: Apache-2.0
// What the policy promises, asked of the evaluator of rules instead of text.
#include "init/plan/plan.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "init/rules/interval.hpp"
#include "plan_fixture.hpp"

namespace weir::init {
namespace {

constexpr std::uint16_t kAlone = 0;

TEST_F(Plan, NothingIsCapturedByDefault) {
  configure({});
  EXPECT_EQ(out({}), kAlone);
  EXPECT_EQ(in({}), kAlone);
}

TEST_F(Plan, ApplicationIsCapturedInBothFamilies) {
  configure({"-i", "*"});
  EXPECT_EQ(out({}), 15001);
  EXPECT_EQ(out({.source = "2001:db8::1", .destination = "2001:db8::2"}), 15001);
  EXPECT_EQ(out({.protocol = IPPROTO_UDP}), kAlone);
}

TEST_F(Plan, RunningConnectionsAreLeftAlone) {
  configure({"-i", "*", "-b", "*", "-k", "tap0"});
  constexpr std::uint8_t kAck = 0x10, kPush = 0x08, kSynEcn = 0xc2;
  for (const std::uint8_t flags :
       {kAck, std::uint8_t{kAck | kPush}, std::uint8_t{kAck | kTcpSyn}, std::uint8_t{4}}) {
    EXPECT_EQ(out({.flags = flags}), kAlone);
    EXPECT_EQ(in({.flags = flags}), kAlone);
    EXPECT_EQ(in({.interface = "tap0", .flags = flags}), kAlone);
  }
  EXPECT_EQ(out({.flags = kSynEcn}), 15001);
  EXPECT_EQ(in({.flags = kSynEcn}), 15006);
}

TEST_F(Plan, AnyOfSeveralUsersIsTheProxy) {
  configure({"-u", "3,4", "-g", "9", "-i", "*", "-b", "*"});
  for (const std::uint32_t uid : {3u, 4u}) {
    EXPECT_EQ(out({.uid = uid}), kAlone);
    EXPECT_EQ(out({.destination = "198.51.100.1", .interface = "lo", .uid = uid}), 15006) << uid;
    EXPECT_EQ(out({.destination = "127.0.0.1", .interface = "lo", .uid = uid}), kAlone);
    EXPECT_EQ(out({.destination = "198.51.100.1", .port = 15008, .interface = "lo", .uid = uid}),
              kAlone);
    EXPECT_EQ(
        out({.source = "2001:db8::1", .destination = "2001:db8::1", .interface = "lo", .uid = uid}),
        15006);
    EXPECT_EQ(out({.source = "::1", .destination = "::1", .interface = "lo", .uid = uid}), kAlone);
  }
}

TEST_F(Plan, TheGroupAloneIsEnough) {
  configure({"-u", "1337", "-g", "1337", "-i", "*"});
  EXPECT_EQ(out({.uid = 5, .gid = 1337}), kAlone);
  EXPECT_EQ(out({.destination = "198.51.100.1", .interface = "lo", .uid = 5, .gid = 1337}), 15006);
}

TEST_F(Plan, AConnectionOfTheKernelIsTheApplications) {
  configure({"-i", "*"});
  EXPECT_EQ(out({.uid = {}, .gid = {}}), 15001);
  EXPECT_EQ(out({.destination = "198.51.100.1", .interface = "lo", .uid = {}, .gid = {}}), kAlone);
}

TEST_F(Plan, PassthroughSourceIsLeftAlone) {
  configure({"-i", "*"});
  EXPECT_EQ(
      out({.source = "127.0.0.6", .destination = "198.51.100.1", .interface = "lo", .uid = 1337}),
      kAlone);
  EXPECT_EQ(out({.source = "::6", .destination = "2001:db8::1", .interface = "lo", .uid = 1337}),
            kAlone);
}

TEST_F(Plan, ApplicationOnLoopbackIsLeftAloneUnlessAskedFor) {
  configure({"-i", "*"});
  EXPECT_EQ(out({.destination = "198.51.100.1", .interface = "lo"}), kAlone);
  configure({"-i", "127.1.2.3/32,198.51.100.0/24"});
  EXPECT_EQ(out({.destination = "127.1.2.3", .interface = "lo"}), 15001);
  EXPECT_EQ(out({.destination = "198.51.100.1", .interface = "lo"}), 15001);
  EXPECT_EQ(out({.destination = "127.0.0.1", .interface = "lo"}), kAlone);
}

TEST_F(Plan, ExclusionsWinOverInclusions) {
  configure({"-i", "*", "-x", "203.0.113.0/25", "-q", "443", "-o", "22"});
  EXPECT_EQ(out({.destination = "203.0.113.1"}), kAlone);
  EXPECT_EQ(out({.destination = "203.0.113.200"}), 15001);
  EXPECT_EQ(out({.destination = "203.0.113.1", .port = 443}), kAlone);
  EXPECT_EQ(out({.destination = "203.0.113.200", .port = 22}), kAlone);
  // An excluded port is excluded for the proxy's own connections, too.
  EXPECT_EQ(out({.destination = "198.51.100.1", .port = 22, .interface = "lo", .uid = 1337}),
            kAlone);
}

TEST_F(Plan, IncludedPortsAreCapturedAtAnyAddress) {
  configure({"-i", "203.0.113.0/24", "-q", "443"});
  EXPECT_EQ(out({.destination = "198.51.100.7", .port = 443}), 15001);
  EXPECT_EQ(out({.destination = "198.51.100.7", .port = 80}), kAlone);
  EXPECT_EQ(out({.destination = "203.0.113.7", .port = 80}), 15001);
}

TEST_F(Plan, InboundPorts) {
  configure({"-b", "*", "-d", "15090"});
  EXPECT_EQ(in({.port = 80}), 15006);
  EXPECT_EQ(in({.port = 15090}), kAlone);
  EXPECT_EQ(in({.port = 15008}), kAlone);
  configure({"-b", "80,15008"});
  EXPECT_EQ(in({.port = 80}), 15006);
  EXPECT_EQ(in({.port = 81}), kAlone);
  EXPECT_EQ(in({.port = 15008}), kAlone);
}

TEST_F(Plan, ExcludedInterfacesInBothDirections) {
  configure({"-i", "*", "-b", "*", "-c", "eth9,br+"});
  for (const char* name : {"eth9", "br", "br-12"}) {
    EXPECT_EQ(out({.interface = name}), kAlone) << name;
    EXPECT_EQ(in({.interface = name}), kAlone) << name;
  }
  EXPECT_EQ(in({.interface = "eth90"}), 15006);
}

TEST_F(Plan, GuestsAreOutbound) {
  configure({"-i", "203.0.113.0/24", "-b", "*", "-k", "tap0", "-x", "203.0.113.0/25"});
  EXPECT_EQ(in({.destination = "203.0.113.1", .interface = "tap0"}), 15001);
  EXPECT_EQ(in({.destination = "198.51.100.9", .interface = "tap0"}), kAlone);
  EXPECT_EQ(in({.destination = "203.0.113.1", .interface = "eth0"}), 15006);
  configure({"-i", "*", "-b", "*", "-k", "tap0", "-c", "tap0"});
  EXPECT_EQ(in({.interface = "tap0"}), 15001);
}

TEST_F(Plan, OwnerGroups) {
  configure({"-i", "*"}, {{"ISTIO_OUTBOUND_OWNER_GROUPS", "java,202"}});
  EXPECT_EQ(out({.gid = 200}), 15001);
  EXPECT_EQ(out({.gid = 202}), 15001);
  EXPECT_EQ(out({.gid = 203}), kAlone);
  EXPECT_EQ(out({.uid = {}, .gid = {}}), kAlone);
  configure({"-i", "*"}, {{"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "java"}});
  EXPECT_EQ(out({.gid = 200}), kAlone);
  EXPECT_EQ(out({.gid = 202}), 15001);
  configure({"-i", "*"}, {{"ISTIO_OUTBOUND_OWNER_GROUPS", ""}});
  EXPECT_EQ(out({}), kAlone);
}

TEST_F(Plan, LongListsDecideAsShortOnesDo) {
  RedirectConfig config;
  config.outbound_cidrs.all = true;
  config.virtual_interfaces = {{"tap0", false}};
  for (unsigned i = 0; i < 10000; ++i)
    config.outbound_excluded_cidrs.emplace_back(IpAddress::v4(0x0a000000u + i * 512), 24);
  rules_ = plan_ruleset(config);
  ASSERT_FALSE(rules_.maps.empty());
  EXPECT_EQ(out({.destination = "10.0.0.1"}), kAlone);
  EXPECT_EQ(out({.destination = "10.0.1.1"}), 15001);
  EXPECT_EQ(out({.destination = "10.15.254.1"}), kAlone);
  EXPECT_EQ(out({.destination = "10.15.255.1"}), 15001);
  std::swap(config.outbound_cidrs.ranges, config.outbound_excluded_cidrs);
  config.outbound_cidrs.all = false;
  rules_ = plan_ruleset(config);
  EXPECT_EQ(out({.destination = "10.0.0.1"}), 15001);
  EXPECT_EQ(out({.destination = "10.0.1.1"}), kAlone);
  EXPECT_EQ(in({.destination = "10.15.254.1", .interface = "tap0"}), 15001);
  EXPECT_EQ(in({.destination = "10.15.255.1", .interface = "tap0"}), kAlone);
}

TEST_F(Plan, NoRuleLooksInASetThatIsNotThere) {
  for (const Case& one : cases()) {
    const Ruleset rules =
        plan_ruleset(parse(one.arguments, fake_environment(one.variables))->config);
    for (const Chain& chain : rules.chains)
      for (const Rule& rule : chain.rules) {
        EXPECT_LT(rule.comment.size(), 128u);
        EXPECT_FALSE(rule.comment.empty());
        for (const auto& match : rule.matches) {
          const auto* set = std::get_if<SetName>(&std::get<Match>(match).operand);
          EXPECT_TRUE(set == nullptr || rules.find_set(set->name) != nullptr) << one.name;
        }
      }
  }
}

}  // namespace
}  // namespace weir::init
