// SPDX-License-Identifier: Apache-2.0
#include "common/prefix_map.hpp"

#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace weir {
namespace {

CidrRange cidr(std::string_view text) { return *CidrRange::parse(text); }
IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(PrefixMap, FindsNothingWhenEmpty) {
  const PrefixMap<int> map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find(ip("198.51.100.7")), nullptr);
}

TEST(PrefixMap, FindsTheLongestPrefixWhateverTheOrderOfInsertion) {
  PrefixMap<int> map;
  map[cidr("198.51.100.0/24")] = 24;
  map[cidr("0.0.0.0/0")] = 0;
  map[cidr("198.51.100.7")] = 32;
  map[cidr("198.51.0.0/16")] = 16;
  EXPECT_EQ(*map.find(ip("198.51.100.7")), 32);
  EXPECT_EQ(*map.find(ip("198.51.100.8")), 24);
  EXPECT_EQ(*map.find(ip("198.51.101.8")), 16);
  EXPECT_EQ(*map.find(ip("203.0.113.1")), 0);
  EXPECT_EQ(map.find(ip("2001:db8::1")), nullptr);
}

TEST(PrefixMap, KeepsFamiliesApart) {
  PrefixMap<int> map;
  map[cidr("::/0")] = 6;
  EXPECT_EQ(map.find(ip("198.51.100.7")), nullptr);
  map[cidr("0.0.0.0/0")] = 4;
  map[cidr("2001:db8::/32")] = 32;
  map[cidr("198.51.0.0/32")] = 33;
  EXPECT_EQ(*map.find(ip("198.51.100.7")), 4);
  EXPECT_EQ(*map.find(ip("2001:db9::")), 6);
  EXPECT_EQ(*map.find(ip("2001:db8::1")), 32);
}

TEST(PrefixMap, TheSamePrefixIsTheSameEntry) {
  PrefixMap<std::string> map;
  map[cidr("198.51.100.1/24")] = "a";
  map[cidr("198.51.100.2/24")] += "b";
  EXPECT_EQ(*map.find(ip("198.51.100.9")), "ab");
}

TEST(PrefixMap, VisitsEveryEntryLongestFirst) {
  PrefixMap<int> map;
  for (const std::string_view text :
       {"0.0.0.0/0", "198.51.100.0/24", "2001:db8::/32", "203.0.113.0/24"})
    map[cidr(text)] = 1;
  std::vector<unsigned> lengths;
  map.for_each([&](const CidrRange& range, int) { lengths.push_back(range.length()); });
  EXPECT_EQ(lengths, (std::vector<unsigned>{32, 24, 24, 0}));
}

TEST(PrefixMap, AgreesWithALinearSearch) {
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    PrefixMap<std::size_t> map;
    std::vector<CidrRange> ranges;
    for (int i = 0; i < 60; ++i) {
      const auto address = IpAddress::v4(0xc6330000u | (random() & 0xff3u));
      const CidrRange range(address, random() % 33);
      if (std::find(ranges.begin(), ranges.end(), range) != ranges.end()) continue;
      map[range] = ranges.size();
      ranges.push_back(range);
    }
    for (int i = 0; i < 500; ++i) {
      const auto address = IpAddress::v4(0xc6330000u | (random() & 0xfffu));
      std::optional<std::size_t> best;
      for (std::size_t r = 0; r < ranges.size(); ++r)
        if (ranges[r].contains(address) && (!best || ranges[r].length() > ranges[*best].length()))
          best = r;
      const auto* found = map.find(address);
      ASSERT_EQ(found != nullptr, best.has_value());
      if (found != nullptr) {
        ASSERT_EQ(*found, *best);
      }
    }
  }
}

}  // namespace
}  // namespace weir
