// SPDX-License-Identifier: Apache-2.0
// The legacy tables decide as the plan does, and hold what was sent to them.
#include <algorithm>

#include <gtest/gtest.h>

#include "init/install/config_chain.hpp"
#include "init/legacy/entry.hpp"
#include "init/legacy/lower.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/evaluate.hpp"
#include "init/rules/interval.hpp"
#include "init/rules/render.hpp"
#include "tests/unit/init/random_config.hpp"
#include "tests/unit/init/random_packet.hpp"

namespace weir::init {
namespace {

std::string describe(const Packet& packet) {
  return std::string(packet.inbound ? "in " : "out ") + std::to_string(packet.protocol) + " " +
         packet.source.to_string() + ":" + std::to_string(packet.source_port) + " → " +
         packet.destination.to_string() + ":" + std::to_string(packet.destination_port) + " in '" +
         packet.in_interface + "' out '" + packet.out_interface + "' uid " +
         (packet.uid ? std::to_string(*packet.uid) : "none") + " gid " +
         (packet.gid ? std::to_string(*packet.gid) : "none") + " mark " +
         std::to_string(packet.mark) + " ct mark " + std::to_string(packet.ct_mark) + " state " +
         std::to_string(packet.ct_state) + " flags " + std::to_string(packet.tcp_flags) +
         (packet.proxy_listens ? "" : ", nobody listens");
}

std::string describe(const Decision& decision) {
  std::string text = "landing " + std::to_string(static_cast<int>(decision.landing)) + " port " +
                     std::to_string(decision.port) + " mark " + std::to_string(decision.mark) +
                     " ct mark " + std::to_string(decision.ct_mark) + " zone " +
                     std::to_string(decision.zone) + " by";
  for (const RulePlace& place : decision.matched)
    text += " " + place.chain + "#" + std::to_string(place.rule);
  return text;
}

bool same_answer(const Decision& a, const Decision& b) {
  return a.landing == b.landing && a.port == b.port && a.mark == b.mark && a.ct_mark == b.ct_mark &&
         a.zone == b.zone;
}

TEST(LegacyLower, DecidesAsThePlanDoes) {
  constexpr int kConfigs = 2000;
  constexpr int kPackets = 60;
  int landed[5] = {};
  for (int seed = 0; seed < kConfigs; ++seed) {
    RandomConfig random(static_cast<std::uint64_t>(seed));
    RedirectConfig config = random.next();
    // evaluate() knows TPROXY's policy route by the rule that it serves; one that nothing leads to
    // is not lowered.
    if (config.inbound_ports.empty()) config.inbound_ports = PortSet::all();
    const Ruleset plan = plan_ruleset(config);
    const Ruleset lowered = lower_for_legacy(plan);
    for (int i = 0; i < kPackets; ++i) {
      const Packet packet = random_packet(random, config);
      const Decision want = evaluate(plan, packet);
      const Decision have = evaluate(lowered, packet);
      ASSERT_TRUE(same_answer(want, have))
          << "seed " << seed << ": " << describe(packet) << "\nplan:    " << describe(want)
          << "\nlowered: " << describe(have);
      ++landed[static_cast<int>(want.landing)];
    }
  }
  // The packets must reach every end, or the comparison says little.
  for (const int count : landed) EXPECT_GT(count, kConfigs / 20);
}

TEST(LegacyLower, HoldsWhatLegacyTablesCanHold) {
  for (int seed = 0; seed < 500; ++seed) {
    RandomConfig random(static_cast<std::uint64_t>(seed));
    const RedirectConfig config = random.next();
    const Ruleset lowered = lower_for_legacy(with_config_chain(plan_ruleset(config), config));
    EXPECT_TRUE(lowered.sets.empty() && lowered.maps.empty() && lowered.timeouts.empty());
    std::vector<std::string> names;
    for (const Chain& chain : lowered.chains) {
      names.push_back(chain.name);
      EXPECT_LE(chain.name.size() - chain.name.rfind('/') - 1, kChainNameLength) << chain.name;
      for (const Rule& rule : chain.rules) {
        EXPECT_LE(rule.comment.size(), kCommentLength);
        EXPECT_FALSE(std::holds_alternative<JumpByMap>(rule.verdict));
        EXPECT_FALSE(std::holds_alternative<Accept>(rule.verdict)) << chain.name;
        const auto* jump = std::get_if<Goto>(&rule.verdict);
        EXPECT_TRUE(jump == nullptr || lowered.find_chain(jump->chain) != nullptr) << chain.name;
      }
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << "seed " << seed;
  }
}

// Prefixes of all lengths, near one another, so that neighbours touch, nest and leave gaps.
CidrRange near_prefix(RandomConfig& random, IpFamily family) {
  const IpAddress base = family == IpFamily::v4
                             ? IpAddress::v4(0xcb007100U + random.below(1U << 18) * 4)
                             : random.address(family);
  return {base, base.bits() - random.below(random.one_in(10) ? 16 : 5)};
}

TEST(LegacyLower, LongListsDecideAsThePlanDoes) {
  constexpr std::uint32_t kLengths[] = {15, 16, 17, 40, 300, 1024, 1025, 3000, 10'000};
  std::size_t captured = 0;
  std::size_t left_alone = 0;
  for (std::uint64_t seed = 0; seed < 36; ++seed) {
    RandomConfig random(seed);
    RedirectConfig config = random.next();
    const bool exclude = random.one_in(2);
    std::vector<CidrRange> list;
    while (list.size() < kLengths[seed % std::size(kLengths)])
      list.push_back(near_prefix(random, random.one_in(3) ? IpFamily::v6 : IpFamily::v4));
    config.outbound_cidrs.all = exclude;
    (exclude ? config.outbound_excluded_cidrs : config.outbound_cidrs.ranges) = list;
    if (random.one_in(2)) config.inbound_excluded_sources = list;
    const Ruleset plan = plan_ruleset(config);
    const Ruleset lowered = lower_for_legacy(plan);
    for (int i = 0; i < 300; ++i) {
      Packet packet = random_packet(random, config);
      // At the borders of a prefix, and beside them.
      const CidrRange& range = list[random.below(static_cast<std::uint32_t>(list.size()))];
      IpAddress address = random.one_in(2) ? range.address() : range.last();
      if (random.one_in(2)) {
        Key key = address_key(address);
        increment(key, address.size());
        address =
            address.is_v4() ? IpAddress::v4(key.bytes.data()) : IpAddress::v6(key.bytes.data());
      }
      (packet.inbound ? packet.source : packet.destination) = address;
      (packet.inbound ? packet.destination : packet.source) = random.address(address.family());
      const Decision want = evaluate(plan, packet);
      const Decision have = evaluate(lowered, packet);
      ASSERT_TRUE(same_answer(want, have))
          << "seed " << seed << ": " << describe(packet) << "\nplan:    " << describe(want)
          << "\nlowered: " << describe(have);
      ++(want.landing == Landing::direct ? left_alone : captured);
    }
  }
  EXPECT_GT(captured, 300U);
  EXPECT_GT(left_alone, 300U);
}

IpFamily family_of(const Chain& chain) {
  return chain.name.starts_with("ip6/") ? IpFamily::v6 : IpFamily::v4;
}

std::string label_of(const Verdict& verdict) {
  if (std::holds_alternative<Return>(verdict)) return "RETURN";
  if (std::holds_alternative<Drop>(verdict)) return "DROP";
  if (std::holds_alternative<Redirect>(verdict)) return "REDIRECT";
  if (std::holds_alternative<Tproxy>(verdict)) return "TPROXY";
  if (std::holds_alternative<Reject>(verdict)) return "REJECT";
  if (std::holds_alternative<SetMark>(verdict)) return "MARK";
  if (std::holds_alternative<SetCtMark>(verdict)) return "CONNMARK";
  if (std::holds_alternative<SetZone>(verdict)) return "CT";
  std::string chain;
  if (const auto* jump = std::get_if<Jump>(&verdict)) chain = jump->chain;
  if (const auto* jump = std::get_if<Goto>(&verdict)) chain = jump->chain;
  return chain.substr(chain.rfind('/') + 1);
}

TEST(LegacyEntry, DecodesToTheRuleThatWasEncoded) {
  std::size_t rules = 0;
  for (int seed = 0; seed < 1000; ++seed) {
    RandomConfig random(static_cast<std::uint64_t>(seed));
    RedirectConfig config = random.next();
    if (seed % 50 == 0)
      while (config.outbound_excluded_cidrs.size() < 2000)
        config.outbound_excluded_cidrs.push_back(
            near_prefix(random, random.one_in(3) ? IpFamily::v6 : IpFamily::v4));
    const Ruleset lowered = lower_for_legacy(with_config_chain(plan_ruleset(config), config));
    for (const Chain& chain : lowered.chains) {
      const std::string table = chain.name.substr(0, chain.name.rfind('/') + 1);
      for (const Rule& rule : chain.rules) {
        const auto entry = encode_entry(family_of(chain), rule);
        const Rule decoded = decode_entry(family_of(chain), entry, label_of(rule.verdict), table);
        ASSERT_EQ(decoded, rule) << chain.name << ": " << render_rule(rule) << "\n"
                                 << render_rule(decoded);
        ++rules;
      }
    }
  }
  EXPECT_GT(rules, 10000U);
}

TEST(LegacyEntry, AnyOtherByteIsOpaque) {
  Rule rule;
  rule.matches = {Match{Field::l4proto, false, byte_key(6)},
                  Match{Field::skuid, true, id_key(1337)},
                  Match{Field::tcp_dport, false, port_key(80)}};
  rule.verdict = Redirect{15001};
  rule.comment = "why";
  const auto entry = encode_entry(IpFamily::v4, rule);
  std::size_t opaque = 0;
  std::size_t same = 0;
  for (std::size_t at = 0; at < entry.size(); ++at) {
    auto changed = entry;
    changed[at] ^= 0x40;
    const Rule decoded = decode_entry(IpFamily::v4, changed, "REDIRECT", "ip/nat/");
    // Either it says so, or it is another rule; never the same one.
    const bool is_opaque =
        std::any_of(decoded.matches.begin(), decoded.matches.end(),
                    [](const auto& m) { return std::holds_alternative<Opaque>(m); }) ||
        std::holds_alternative<Opaque>(decoded.verdict);
    opaque += is_opaque ? 1 : 0;
    same += decoded == rule ? 1 : 0;
  }
  EXPECT_GT(opaque, 100U);
  // nfcache, comefrom and the counters of ipt_entry; what follows the names of tcp, owner, comment
  // and REDIRECT in their 29 bytes, which the kernel leaves as it was in the reader's buffer.
  EXPECT_EQ(same, 24U + 25 + 23 + 21 + 20);
}

}  // namespace
}  // namespace weir::init
