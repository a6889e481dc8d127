// SPDX-License-Identifier: Apache-2.0
// What explain says, and who listens.
#include "init/explain/explanation.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/explain/listeners.hpp"
#include "init/explain/rule_reason.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

Ruleset rules_for(const std::vector<std::string>& arguments) {
  return plan_ruleset(parse(arguments, fake_environment())->config);
}

Packet packet_to(std::string_view to, std::uint16_t port) {
  Packet packet;
  packet.destination = *IpAddress::parse(to);
  packet.source = *IpAddress::parse("198.51.100.10");
  packet.destination_port = port;
  packet.out_interface = "eth0";
  packet.uid = packet.gid = 1000;
  return packet;
}

ListensAt answer(std::optional<bool> listens) {
  return [listens](bool, const Endpoint&) { return listens; };
}

std::string explained(const Ruleset& rules, const Packet& packet, std::optional<bool> listens) {
  return explanation_text(explain_packet(rules, packet, answer(listens)), rules,
                          {true, "nftables", true, "-i '*'"});
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Explanation, SaysWhereItLandsAndByWhichRules) {
  const std::string text =
      explained(rules_for({"-i", "*"}), packet_to("203.0.113.7", 443), std::nullopt);
  EXPECT_TRUE(has(text, "tcp of user 1000, group 1000 from 198.51.100.10 to 203.0.113.7:443"));
  EXPECT_TRUE(has(text, "\nredirected to 15001\n")) << text;
  EXPECT_TRUE(has(text, "SO_ORIGINAL_DST says 203.0.113.7:443"));
  EXPECT_TRUE(has(text, ": all other outbound (-i '*')\n")) << text;
  EXPECT_TRUE(has(text, "redirect to :15001\n"));
  EXPECT_TRUE(has(text, "opened by the proxy's user (-u): user 1000, not in @proxy_uids"));
  EXPECT_FALSE(has(text, "listens on port")) << text;
}

TEST(Explanation, SaysWhetherSomebodyListens) {
  const Packet packet = packet_to("203.0.113.7", 443);
  EXPECT_TRUE(
      has(explained(rules_for({"-i", "*"}), packet, true), "somebody listens on port 15001"));
  EXPECT_TRUE(has(explained(rules_for({"-i", "*"}), packet, false),
                  "nobody listens on port 15001: the connection waits until somebody does"));
  EXPECT_TRUE(has(explained(rules_for({"-i", "*", "--hold-until-listening=false"}), packet, false),
                  "nobody listens on port 15001: the connection fails"));
}

TEST(Explanation, AsksForTheEndpointThatTheProxyWouldHave) {
  std::vector<Endpoint> asked;
  const ListensAt note = [&](bool, const Endpoint& to) -> std::optional<bool> {
    asked.push_back(to);
    return true;
  };
  explain_packet(rules_for({"-i", "*"}), packet_to("203.0.113.7", 443), note);
  Packet inbound = packet_to("198.51.100.10", 80);
  inbound.inbound = true;
  inbound.in_interface = "eth0";
  inbound.uid.reset();
  explain_packet(rules_for({"-b", "*"}), inbound, note);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].to_string(), "127.0.0.1:15001");
  EXPECT_EQ(asked[1].to_string(), "198.51.100.10:15006");
}

TEST(Explanation, WhatIsLeftAloneNamesTheRule) {
  const std::string text =
      explained(rules_for({"-i", "*", "-x", "203.0.113.0/24"}), packet_to("203.0.113.7", 443), {});
  EXPECT_TRUE(has(text, "left alone")) << text;
  EXPECT_TRUE(has(text, "excluded address (-x)")) << text;
  EXPECT_TRUE(has(explained(Ruleset{}, packet_to("203.0.113.7", 443), {}), "no rule decides"));
}

TEST(Explanation, JsonHasTheSame) {
  const Ruleset rules = rules_for({"-i", "*"});
  const std::string json =
      explanation_json(explain_packet(rules, packet_to("203.0.113.7", 443), answer(false)), rules,
                       {false, "", true, "-i '*'"});
  for (const char* part :
       {"\"landing\": \"redirected\"", "\"port\": 15001", "\"listening\": false", "\"held\": true",
        "\"source\": \"flags\"", "\"chain\": \"to_outbound\"", "\"applied\": false"})
    EXPECT_TRUE(has(json, part)) << part << json;
}

TEST(Explanation, EveryVisitedRuleHasAReasonOrAVerdict) {
  for (const Case& each : cases()) {
    const auto options = parse(each.arguments, fake_environment(each.variables));
    if (!options) continue;
    const Ruleset rules = plan_ruleset(options->config);
    for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
      Packet packet = packet_to("2001:db8:1::7", 53);
      packet.source = *IpAddress::parse("2001:db8::1");
      packet.protocol = protocol;
      std::vector<RuleVisit> visits;
      evaluate(rules, packet, visits);
      ASSERT_FALSE(visits.empty()) << each.name;
      for (const RuleVisit& visit : visits) {
        const std::string line = visit_text(rules, visit);
        EXPECT_FALSE(line.ends_with(": ")) << line;
        EXPECT_EQ(line[2], visit.failed_match ? '-' : '+');
      }
    }
  }
}

TEST(Listeners, AreReadFromTheKernelsTables) {
  // As a little-endian machine prints 0.0.0.0:15001, 127.0.0.1:15006 (established), ::1:8080.
  const std::string v4 =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
      "   0: 00000000:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 "
      "1\n"
      "   1: 0100007F:3A9E 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 "
      "2\n";
  const auto listeners = parse_socket_table(v4, IpFamily::v4, false);
  ASSERT_EQ(listeners.size(), 1u);
  EXPECT_EQ(listeners[0].local.to_string(), "0.0.0.0:15001");
  EXPECT_EQ(listeners[0].uid, 1337u);
  const auto v6 = parse_socket_table(
      "heading\n 0: 00000000000000000000000001000000:1F90 "
      "00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 3\n",
      IpFamily::v6, false);
  ASSERT_EQ(v6.size(), 1u);
  EXPECT_EQ(v6[0].local.to_string(), "[::1]:8080");
  EXPECT_TRUE(parse_socket_table("heading\nnonsense\n", IpFamily::v4, false).empty());
}

TEST(Listeners, TakeWhatArrivesForThem) {
  const auto at = [](std::string_view text) { return *Endpoint::parse(text); };
  const std::vector<Listener> any{{false, at("0.0.0.0:15001"), 0}};
  EXPECT_TRUE(takes(any, false, at("127.0.0.1:15001")));
  EXPECT_FALSE(takes(any, false, at("[::1]:15001")));
  EXPECT_FALSE(takes(any, true, at("127.0.0.1:15001")));
  EXPECT_FALSE(takes(any, false, at("127.0.0.1:15006")));
  const std::vector<Listener> both{{false, at("[::]:15001"), 0}};
  EXPECT_TRUE(takes(both, false, at("127.0.0.1:15001")));
  EXPECT_TRUE(takes(both, false, at("[::1]:15001")));
  const std::vector<Listener> one{{false, at("127.0.0.1:15006"), 0}};
  EXPECT_FALSE(takes(one, false, at("198.51.100.10:15006")));
}

}  // namespace
}  // namespace weir::init
