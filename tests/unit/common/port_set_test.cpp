// SPDX-License-Identifier: Apache-2.0
#include "common/port_set.hpp"

#include <random>

#include <gtest/gtest.h>

namespace weir {
namespace {

PortSet ports(std::string_view text) {
  auto set = PortSet::parse(text);
  EXPECT_TRUE(set) << text;
  return set ? *set : PortSet();
}

TEST(PortSet, ReadsListsRangesAndStar) {
  EXPECT_TRUE(ports("").empty());
  EXPECT_TRUE(ports("  \t").empty());
  EXPECT_EQ(ports("80").to_string(), "80");
  EXPECT_EQ(ports(" 443 , 80,8000 - 8010 ").to_string(), "80,443,8000-8010");
  EXPECT_EQ(ports("1-65535").to_string(), "1-65535");
  EXPECT_EQ(ports(" * ").to_string(), "*");
  EXPECT_EQ(ports("*"), PortSet::all());
  EXPECT_TRUE(ports("*").is_all());
  EXPECT_TRUE(ports("*").ranges().empty());
  EXPECT_FALSE(ports("*").empty());
  EXPECT_FALSE(ports("1-65535").is_all());
}

TEST(PortSet, SortsMergesAndJoinsNeighbours) {
  EXPECT_EQ(ports("90,80,80").to_string(), "80,90");
  EXPECT_EQ(ports("80-85,84-90,91").to_string(), "80-91");
  EXPECT_EQ(ports("80-90,82").to_string(), "80-90");
  EXPECT_EQ(ports("65535,65534").to_string(), "65534-65535");
  EXPECT_EQ(ports("80,82").to_string(), "80,82");
}

TEST(PortSet, NamesTheBadItemAndItsPosition) {
  const struct {
    std::string_view text, item, position;
  } cases[] = {
      {"80,0", "0", "4"},      {"80,65536", "65536", "4"},
      {"x", "x", "1"},         {"80,,81", "", "4"},
      {"80,", "", "4"},        {",80", "", "1"},
      {"80,*", "*", "4"},      {"90-80", "90-80", "1"},
      {"80-", "80-", "1"},     {"-80", "-80", "1"},
      {"1-2-3", "1-2-3", "1"}, {"80 81", "80 81", "1"},
      {"+80", "+80", "1"},     {"0x50", "0x50", "1"},
      {"80,0-5", "0-5", "4"},  {"99999999999", "99999999999", "1"},
  };
  for (const auto& c : cases) {
    const auto set = PortSet::parse(c.text);
    ASSERT_FALSE(set) << c.text;
    EXPECT_NE(set.error().message.find("'" + std::string(c.item) + "' at position " +
                                       std::string(c.position)),
              std::string::npos)
        << set.error().message;
  }
}

TEST(PortSet, ContainsAgreesWithItsRanges) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    PortSet set;
    std::vector<bool> model(65536);
    for (int i = 0; i < 20; ++i) {
      const auto first = static_cast<std::uint16_t>(random() % 2000 + 1);
      const auto last = static_cast<std::uint16_t>(first + random() % 50);
      set.add({first, last});
      for (unsigned port = first; port <= last; ++port) model[port] = true;
    }
    for (unsigned port = 0; port < 65536; ++port)
      ASSERT_EQ(set.contains(static_cast<std::uint16_t>(port)), model[port]) << port;
    EXPECT_EQ(ports(set.to_string()), set);
    for (std::size_t i = 1; i < set.ranges().size(); ++i)
      EXPECT_GT(set.ranges()[i].first, set.ranges()[i - 1].last + 1);
  }
}

TEST(PortSet, AllContainsEverythingAndAddingChangesNothing) {
  PortSet set = PortSet::all();
  set.add({80, 80});
  EXPECT_EQ(set, PortSet::all());
  EXPECT_TRUE(set.contains(0));
  EXPECT_TRUE(set.contains(65535));
  EXPECT_FALSE(PortSet().contains(80));
}

}  // namespace
}  // namespace weir
