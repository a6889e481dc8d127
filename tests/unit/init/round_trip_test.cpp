// SPDX-License-Identifier: Apache-2.0
// The bytes of a transaction, taken apart again message by message, are the planned rules: no
// kernel needed.
#include <netinet/in.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/interval.hpp"
#include "init/nft/attributes.hpp"
#include "init/nft/batch.hpp"
#include "init/nft/decode.hpp"
#include "init/nft/elements.hpp"
#include "init/plan.hpp"

namespace weir::init {
namespace {

// Applies the messages of a batch to a Ruleset, as the kernel would to its own.
class BatchReader {
 public:
  Ruleset read(std::span<const char> bytes) {
    int left = static_cast<int>(bytes.size());
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(bytes.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left)) {
      if ((m->nlmsg_type >> 8) == NFNL_SUBSYS_NFTABLES) take(m, m->nlmsg_type & 0xff);
      EXPECT_EQ(m->nlmsg_len % 4, 0u);
    }
    EXPECT_EQ(left, 0);
    for (Set& set : rules_.sets)
      set.elements = assemble_intervals(set.type, raw_[set.name].elements);
    for (VerdictMap& map : rules_.maps)
      map.elements = assemble_map(map.type, raw_[map.name].elements, raw_[map.name].chains);
    return rules_;
  }

 private:
  struct Raw {
    std::vector<RawElement> elements;
    std::vector<std::string> chains;
  };

  void take(const nlmsghdr* m, int type) {
    switch (type) {
      case NFT_MSG_NEWTABLE: {
        NftTable table(nftnl_table_alloc());
        nftnl_table_nlmsg_parse(m, table.get());
        rules_.comment = decode_table_comment(table.get());
        rules_.flags = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS);
        break;
      }
      case NFT_MSG_NEWCHAIN: {
        NftChain chain(nftnl_chain_alloc());
        nftnl_chain_nlmsg_parse(m, chain.get());
        rules_.chains.push_back(decode_chain(chain.get()));
        break;
      }
      case NFT_MSG_NEWSET: {
        NftSet set(nftnl_set_alloc());
        nftnl_set_nlmsg_parse(m, set.get());
        if (kind_of_set(set.get()) == SetKind::map)
          rules_.maps.push_back(decode_map(set.get()));
        else
          rules_.sets.push_back(decode_set(set.get()));
        break;
      }
      case NFT_MSG_NEWSETELEM:
        take_elements(m);
        break;
      case NFT_MSG_NEWRULE: {
        NftRule rule(nftnl_rule_alloc());
        nftnl_rule_nlmsg_parse(m, rule.get());
        const std::string chain = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
        const auto at = std::find_if(rules_.chains.begin(), rules_.chains.end(),
                                     [&](const Chain& c) { return c.name == chain; });
        ASSERT_NE(at, rules_.chains.end()) << chain;
        at->rules.push_back(decode_rule(rule.get()));
        break;
      }
      default:
        break;
    }
  }

  void take_elements(const nlmsghdr* m) {
    std::string name;
    for_each_attribute(m, sizeof(nfgenmsg), [&](const nlattr* a) {
      if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_SET) name = mnl_attr_get_str(a);
    });
    std::string unknown;
    if (const Set* set = rules_.find_set(name))
      decode_elements(m, set->type, raw_[name].elements, unknown);
    else if (const VerdictMap* map = rules_.find_map(name))
      decode_map_elements(m, map->type, raw_[name].elements, raw_[name].chains, unknown);
    else
      ADD_FAILURE() << "elements before their set: " << name;
    EXPECT_EQ(unknown, "");
  }

  Ruleset rules_;
  std::map<std::string, Raw> raw_;
};

Ruleset round_trip(const Ruleset& rules) {
  Batch batch = build_batch(rules, nullptr, 7);
  return BatchReader().read(batch.finish());
}

class RoundTrip : public testing::TestWithParam<Case> {};

TEST_P(RoundTrip, GivesThePlanBack) {
  const auto options = parse(GetParam().arguments, fake_environment(GetParam().variables));
  ASSERT_TRUE(options) << options.error().message;
  const Ruleset rules = plan_ruleset(options->config);
  EXPECT_EQ(round_trip(rules), rules);
}

INSTANTIATE_TEST_SUITE_P(All, RoundTrip, testing::ValuesIn(cases()));

RedirectConfig long_list(unsigned count) {
  RedirectConfig config;
  config.outbound_cidrs.all = true;
  for (unsigned i = 0; i < count; ++i)
    config.outbound_excluded_cidrs.emplace_back(IpAddress::v4(0x0a000000u + i * 512), 24);
  return config;
}

TEST(RoundTripOfLists, SurvivesManyMessages) {
  for (const unsigned count : {2047u, 2048u, 2049u, 50000u}) {
    const Ruleset rules = plan_ruleset(long_list(count));
    EXPECT_EQ(rules.maps.empty(), count <= kSliceSize);
    EXPECT_EQ(round_trip(rules), rules) << count;
  }
}

TEST(RoundTripOfLists, SlicesHoldTheWholeList) {
  const RedirectConfig config = long_list(5000);
  const Ruleset rules = plan_ruleset(config);
  std::vector<Interval> together;
  for (const Set& set : rules.sets)
    if (set.name.starts_with("outbound_excluded_v4_"))
      together.insert(together.end(), set.elements.begin(), set.elements.end());
  EXPECT_EQ(together, aggregate(config.outbound_excluded_cidrs, IpFamily::v4));
  ASSERT_EQ(rules.maps.size(), 1u);
  for (const MapElement& element : rules.maps[0].elements) {
    const Set* set = rules.find_set(element.chain);
    ASSERT_NE(set, nullptr);
    ASSERT_NE(rules.find_chain(element.chain), nullptr);
    EXPECT_EQ(element.range.first, set->elements.front().first);
    EXPECT_EQ(element.range.last, set->elements.back().last);
  }
}

TEST(Elements, OfTheKernelsTreeComeInAnyOrderAndWithAnEndThatEndsNothing) {
  const auto start = [](std::uint16_t port) { return RawElement{port_key(port), false}; };
  const auto end = [](std::uint16_t port) { return RawElement{port_key(port), true}; };
  const std::vector<Interval> expected{{port_key(80), port_key(80)},
                                       {port_key(81), port_key(90)},
                                       {port_key(60000), port_key(65535)}};
  EXPECT_EQ(assemble_intervals(KeyType::inet_service,
                               {start(60000), end(91), start(81), end(81), start(80), end(0)}),
            expected);
  EXPECT_EQ(assemble_intervals(KeyType::inet_service,
                               {end(0), start(80), start(81), end(81), end(91), start(60000)}),
            expected);
}

// Message types of a batch, BATCH_BEGIN and BATCH_END left out.
std::vector<int> message_types(Batch batch) {
  std::vector<int> types;
  const auto bytes = batch.finish();
  int left = static_cast<int>(bytes.size());
  for (const auto* m = reinterpret_cast<const nlmsghdr*>(bytes.data()); mnl_nlmsg_ok(m, left);
       m = mnl_nlmsg_next(m, &left))
    if ((m->nlmsg_type >> 8) == NFNL_SUBSYS_NFTABLES) types.push_back(m->nlmsg_type & 0xff);
  return types;
}

TEST(Batch, KeepsBaseChainsThatAreRightAlready) {
  const Ruleset rules = plan_ruleset(RedirectConfig{});
  const auto types = message_types(build_batch(rules, &rules, 1));
  EXPECT_EQ(std::count(types.begin(), types.end(), NFT_MSG_DELTABLE), 0);
  EXPECT_EQ(std::count(types.begin(), types.end(), NFT_MSG_DELRULE), 1);
  const auto regular = static_cast<long>(rules.chains.size()) - 2;
  EXPECT_EQ(std::count(types.begin(), types.end(), NFT_MSG_NEWCHAIN), regular);
  EXPECT_EQ(std::count(types.begin(), types.end(), NFT_MSG_DELCHAIN), regular);
}

TEST(Batch, ReplacesABaseChainThatHangsElsewhere) {
  const Ruleset rules = plan_ruleset(RedirectConfig{});
  Ruleset other = rules;
  other.chains[0].base->priority = -100;
  const auto types = message_types(build_batch(rules, &other, 1));
  EXPECT_EQ(std::count(types.begin(), types.end(), NFT_MSG_NEWCHAIN),
            static_cast<long>(rules.chains.size()) - 1);
}

TEST(Batch, StartsTheTableAnewWhenItIsSwitchedOff) {
  const Ruleset rules = plan_ruleset(RedirectConfig{});
  Ruleset dormant = rules;
  dormant.flags = 1;
  const auto types = message_types(build_batch(rules, &dormant, 1));
  EXPECT_EQ(std::count(types.begin(), types.end(), NFT_MSG_DELTABLE), 1);
}

}  // namespace
}  // namespace weir::init
