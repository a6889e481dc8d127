// SPDX-License-Identifier: Apache-2.0
#include "common/ip.hpp"

#include <unordered_set>

#include <gtest/gtest.h>

#include "common/addresses.hpp"

namespace weir {
namespace {

IpAddress ip(std::string_view text) {
  auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address ? *address : IpAddress();
}
CidrRange cidr(std::string_view text) {
  auto range = CidrRange::parse(text);
  EXPECT_TRUE(range) << text;
  return range ? *range : CidrRange();
}

TEST(IpAddress, ReadsAndPrintsBothFamilies) {
  EXPECT_EQ(ip("198.51.100.7").to_string(), "198.51.100.7");
  EXPECT_EQ(ip("0.0.0.0").to_string(), "0.0.0.0");
  EXPECT_EQ(ip("255.255.255.255").to_string(), "255.255.255.255");
  EXPECT_EQ(ip("2001:DB8:0:0::1").to_string(), "2001:db8::1");
  EXPECT_EQ(ip("::").to_string(), "::");
  EXPECT_EQ(ip("::ffff:198.51.100.7").to_string(), "::ffff:198.51.100.7");
}

TEST(IpAddress, RefusesWhatIsNotAnAddressAndQuotesIt) {
  for (const std::string_view text :
       {"", " ", "198.51.100", "198.51.100.256", "198.51.100.7 ", "198.51.100.7/32", "1.2.3.4.5",
        "01.2.3.4", "::1%lo", "[::1]", "2001:db8:::1", "g::", "localhost", "1:2:3:4:5:6:7:8:9"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_NE(address.error().message.find("'" + std::string(text) + "'"), std::string::npos);
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0", 4)));
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(IpAddress, KeepsNetworkOrder) {
  const auto address = ip("198.51.100.7");
  EXPECT_EQ(address.v4_value(), 0xc6336407u);
  EXPECT_EQ(IpAddress::v4(0xc6336407u), address);
  EXPECT_EQ(address.bytes()[0], 198);
  EXPECT_EQ(address.bytes()[3], 7);
  EXPECT_EQ(address.size(), 4u);
  EXPECT_EQ(address.bits(), 32u);
  EXPECT_EQ(ip("2001:db8::1").bytes()[15], 1);
  EXPECT_EQ(ip("::1").size(), 16u);
  EXPECT_EQ(ip("::1").bits(), 128u);
}

TEST(IpAddress, KnowsAnyAndLoopback) {
  EXPECT_TRUE(ip("0.0.0.0").is_any());
  EXPECT_TRUE(ip("::").is_any());
  EXPECT_FALSE(ip("0.0.0.1").is_any());
  EXPECT_EQ(IpAddress::any(IpFamily::v4), ip("0.0.0.0"));
  EXPECT_EQ(IpAddress::any(IpFamily::v6), ip("::"));
  EXPECT_TRUE(ip("127.0.0.1").is_loopback());
  EXPECT_TRUE(ip("127.255.0.6").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  for (const std::string_view text :
       {"126.0.0.1", "128.0.0.1", "::", "::2", "1::1", "::ffff:127.0.0.1"})
    EXPECT_FALSE(ip(text).is_loopback()) << text;
}

TEST(IpAddress, AnAddressOfOneFamilyIsNeverEqualToOneOfTheOther) {
  EXPECT_NE(ip("0.0.0.0"), ip("::"));
  EXPECT_NE(ip("198.51.100.7"), ip("::ffff:198.51.100.7"));
}

TEST(IpAddress, UnmapsOnlyMappedAddresses) {
  EXPECT_TRUE(ip("::ffff:198.51.100.7").is_v4_mapped());
  EXPECT_EQ(ip("::ffff:198.51.100.7").unmapped(), ip("198.51.100.7"));
  for (const std::string_view text :
       {"198.51.100.7", "::198.51.100.7", "64:ff9b::198.51.100.7", "::1"}) {
    EXPECT_FALSE(ip(text).is_v4_mapped()) << text;
    EXPECT_EQ(ip(text).unmapped(), ip(text));
  }
}

TEST(CidrRange, ClearsHostBits) {
  EXPECT_EQ(cidr("198.51.100.77/24").to_string(), "198.51.100.0/24");
  EXPECT_EQ(cidr("198.51.100.77/24"), cidr("198.51.100.0/24"));
  EXPECT_EQ(cidr("198.51.100.77/27").to_string(), "198.51.100.64/27");
  EXPECT_EQ(cidr("2001:db8:ffff::1/33").to_string(), "2001:db8:8000::/33");
  EXPECT_EQ(cidr("198.51.100.77/0").to_string(), "0.0.0.0/0");
  EXPECT_EQ(cidr("2001:db8::1/0").to_string(), "::/0");
}

TEST(CidrRange, ABareAddressIsOneHost) {
  EXPECT_EQ(cidr("198.51.100.7").to_string(), "198.51.100.7/32");
  EXPECT_EQ(cidr("::6").to_string(), "::6/128");
}

TEST(CidrRange, RefusesBadTextAndQuotesIt) {
  for (const std::string_view text :
       {"", "/", "/8", "198.51.100.0/", "198.51.100.0/33", "198.51.100.0/-1", "198.51.100.0/+8",
        "198.51.100.0/8 ", "198.51.100.0/0x8", "198.51.100.0/8/8", "2001:db8::/129", "nonsense/8",
        "198.51.100.0/99999999999999999999"}) {
    const auto range = CidrRange::parse(text);
    ASSERT_FALSE(range) << text;
    EXPECT_NE(range.error().message.find("'" + std::string(text) + "'"), std::string::npos)
        << range.error().message;
  }
}

TEST(CidrRange, ContainsExactlyItsAddresses) {
  const auto range = cidr("198.51.100.64/27");
  EXPECT_TRUE(range.contains(ip("198.51.100.64")));
  EXPECT_TRUE(range.contains(ip("198.51.100.95")));
  EXPECT_FALSE(range.contains(ip("198.51.100.63")));
  EXPECT_FALSE(range.contains(ip("198.51.100.96")));
  EXPECT_FALSE(range.contains(ip("::ffff:198.51.100.64")));
  EXPECT_TRUE(cidr("0.0.0.0/0").contains(ip("255.255.255.255")));
  EXPECT_FALSE(cidr("0.0.0.0/0").contains(ip("::")));
  EXPECT_TRUE(cidr("::/0").contains(ip("ffff::")));
  EXPECT_TRUE(cidr("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(cidr("2001:db8::/33").contains(ip("2001:db8:8000::")));
  EXPECT_TRUE(cidr("198.51.100.7").contains(ip("198.51.100.7")));
  EXPECT_FALSE(cidr("198.51.100.7").contains(ip("198.51.100.6")));
}

TEST(CidrRange, EveryLengthAgreesWithItsLastAddress) {
  for (const std::string_view text : {"198.51.100.77", "2001:db8:1:2:3:4:5:6"}) {
    const auto address = ip(text);
    for (unsigned length = 0; length <= address.bits(); ++length) {
      const CidrRange range(address, length);
      EXPECT_EQ(range.length(), length);
      EXPECT_TRUE(range.contains(address));
      EXPECT_TRUE(range.contains(range.address()));
      EXPECT_TRUE(range.contains(range.last()));
      EXPECT_EQ(CidrRange(range.last(), length), range);
      EXPECT_EQ(CidrRange::parse(range.to_string()).has_value(), true);
    }
  }
  EXPECT_EQ(cidr("198.51.100.64/27").last(), ip("198.51.100.95"));
  EXPECT_EQ(cidr("2001:db8::/33").last(), ip("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(cidr("0.0.0.0/0").last(), ip("255.255.255.255"));
}

TEST(Endpoint, ReadsAndPrintsBothFamilies) {
  for (const std::string_view text :
       {"198.51.100.7:80", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:15001"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
  EXPECT_EQ(Endpoint::parse("[2001:db8::1]:443")->port, 443);
}

TEST(Endpoint, RefusesBadText) {
  for (const std::string_view text :
       {"", ":", ":80", "198.51.100.7", "198.51.100.7:", "198.51.100.7:65536", "198.51.100.7:-1",
        "198.51.100.7:8x", "[198.51.100.7]:80", "2001:db8::1:80", "[2001:db8::1:80",
        "2001:db8::1]:80", "[]:80", "[::1]", "[::1]80", "host:80"})
    EXPECT_FALSE(Endpoint::parse(text)) << text;
}

TEST(EndpointHash, TellsNeighboursApart) {
  std::unordered_set<std::size_t> hashes;
  std::size_t count = 0;
  for (unsigned host = 0; host < 64; ++host)
    for (unsigned port = 1; port < 200; ++port) {
      hashes.insert(
          EndpointHash{}({IpAddress::v4(0xc6336400u + host), static_cast<std::uint16_t>(port)}));
      ++count;
    }
  EXPECT_EQ(hashes.size(), count);
  EXPECT_NE(EndpointHash{}({ip("0.0.0.0"), 80}), EndpointHash{}({ip("::"), 80}));
}

TEST(RoleEndpoint, KeepsRolesApartAtCompileTime) {
  static_assert(!std::is_convertible_v<DownstreamAddress, UpstreamAddress>);
  static_assert(!std::is_convertible_v<OriginalDestination, ListenAddress>);
  EXPECT_EQ((UpstreamAddress{{ip("::1"), 80}}).to_string(), "[::1]:80");
  EXPECT_EQ((UpstreamAddress{{ip("::1"), 80}}), (UpstreamAddress{{ip("::1"), 80}}));
}

}  // namespace
}  // namespace weir
