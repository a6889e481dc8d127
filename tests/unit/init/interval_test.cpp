// SPDX-License-Identifier: Apache-2.0
#include "init/rules/interval.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "init/rules/render.hpp"

namespace weir::init {
namespace {

std::vector<CidrRange> ranges(const std::vector<std::string>& texts) {
  std::vector<CidrRange> parsed;
  for (const auto& text : texts) parsed.push_back(*CidrRange::parse(text));
  return parsed;
}

std::vector<std::string> aggregated(const std::vector<std::string>& texts, IpFamily family) {
  std::vector<std::string> rendered;
  const KeyType type = family == IpFamily::v4 ? KeyType::ipv4_addr : KeyType::ipv6_addr;
  for (const Interval& i : aggregate(ranges(texts), family))
    rendered.push_back(render_interval(type, i));
  return rendered;
}

using Texts = std::vector<std::string>;

TEST(Aggregate, MergesWhatOverlapsOrTouches) {
  EXPECT_EQ(aggregated({"10.0.0.128/25", "10.0.0.0/25"}, IpFamily::v4), Texts{"10.0.0.0/24"});
  EXPECT_EQ(aggregated({"10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"}, IpFamily::v4),
            Texts{"10.0.0.0/8"});
  EXPECT_EQ(aggregated({"10.0.0.0/24", "10.0.1.0/25"}, IpFamily::v4), Texts{"10.0.0.0-10.0.1.127"});
  EXPECT_EQ(aggregated({"10.0.0.0/24", "10.0.2.0/24"}, IpFamily::v4),
            (Texts{"10.0.0.0/24", "10.0.2.0/24"}));
  EXPECT_EQ(aggregated({"192.0.2.1", "192.0.2.2"}, IpFamily::v4), Texts{"192.0.2.1-192.0.2.2"});
}

TEST(Aggregate, KeepsFamiliesApart) {
  const Texts mixed{"10.0.0.0/8", "2001:db8::/32", "::/0"};
  EXPECT_EQ(aggregated(mixed, IpFamily::v4), Texts{"10.0.0.0/8"});
  EXPECT_EQ(aggregated(mixed, IpFamily::v6), Texts{"::/0"});
}

TEST(Aggregate, ReachesTheHighestAddress) {
  EXPECT_EQ(aggregated({"0.0.0.0/0", "255.255.255.255"}, IpFamily::v4), Texts{"0.0.0.0/0"});
  EXPECT_EQ(aggregated({"128.0.0.0/1", "0.0.0.0/1"}, IpFamily::v4), Texts{"0.0.0.0/0"});
  EXPECT_EQ(aggregated({"ff00::/8", "fe00::/8"}, IpFamily::v6), Texts{"fe00::/7"});
}

TEST(Aggregate, AgreesWithASlowAnswerOnRandomLists) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<CidrRange> list;
    const unsigned count = 1 + random() % 30;
    for (unsigned i = 0; i < count; ++i)
      list.emplace_back(IpAddress::v4(0x0a000000u | (random() & 0xff)), 24 + random() % 9);
    const auto merged = aggregate(list, IpFamily::v4);
    for (unsigned low = 0; low < 256; ++low) {
      const IpAddress address = IpAddress::v4(0x0a000000u | low);
      const Key key = address_key(address);
      const bool wanted =
          std::any_of(list.begin(), list.end(), [&](const auto& r) { return r.contains(address); });
      const auto holding = std::count_if(merged.begin(), merged.end(), [&](const Interval& i) {
        return i.first <= key && key <= i.last;
      });
      EXPECT_EQ(holding, wanted ? 1 : 0);
    }
    for (std::size_t i = 1; i < merged.size(); ++i) {
      Key next = merged[i - 1].last;
      increment(next, 4);
      EXPECT_LT(next, merged[i].first) << "touching intervals were left apart";
    }
  }
}

TEST(Interfaces, APrefixSwallowsNamesThatStartSo) {
  const auto intervals = interface_intervals({{"br0", false}, {"br", true}, {"eth0", false}});
  ASSERT_EQ(intervals.size(), 2u);
  EXPECT_EQ(render_interval(KeyType::ifname, intervals[0]), "\"br*\"");
  EXPECT_EQ(render_interval(KeyType::ifname, intervals[1]), "\"eth0\"");
}

TEST(Keys, OrderAsNumbersDo) {
  EXPECT_LT(port_key(255), port_key(256));
  EXPECT_LT(id_key(255), id_key(65536));
  EXPECT_EQ(render_interval(KeyType::uid, {id_key(4000000000u), id_key(4000000000u)}),
            "4000000000");
}

TEST(Ids, AreSortedAndDistinct) {
  EXPECT_EQ(id_elements({5, 3, 5}),
            (std::vector<Interval>{{id_key(3), id_key(3)}, {id_key(5), id_key(5)}}));
}

}  // namespace
}  // namespace weir::init
