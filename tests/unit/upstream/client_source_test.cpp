// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/client_source.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

Endpoint endpoint(const char* text) { return *Endpoint::parse(text); }
UpstreamAddress target(const char* text) { return {endpoint(text)}; }

ClientSource source(const char* client, const char* destination, bool bind_port = false) {
  return {{endpoint(client)}, {endpoint(destination)}, {1337, bind_port}};
}

TEST(MirroredPort, IsOneToOneAndItsOwnInverse) {
  std::vector<bool> seen(65536);
  for (unsigned port = 1024; port <= 65535; ++port) {
    const std::uint16_t mirrored = mirrored_port(static_cast<std::uint16_t>(port));
    ASSERT_GE(mirrored, 1024u) << port;
    ASSERT_NE(mirrored, port);
    ASSERT_EQ(mirrored_port(mirrored), port);
    ASSERT_FALSE(seen[mirrored]) << port;
    seen[mirrored] = true;
  }
}

TEST(MirroredPort, IsOutsideOfTheRangeThatClientsTakePortsFrom) {
  for (unsigned port = 32768; port <= 60999; ++port) {
    const unsigned mirrored = mirrored_port(static_cast<std::uint16_t>(port));
    ASSERT_TRUE(mirrored < 32768 || mirrored > 60999) << port << " -> " << mirrored;
  }
}

TEST(MirroredPort, OfAPrivilegedPortIsTheKernelsChoice) {
  for (unsigned port = 0; port < 1024; ++port)
    ASSERT_EQ(mirrored_port(static_cast<std::uint16_t>(port)), 0u);
}

TEST(ClientSource, KeepsTheAddressAndNotThePort) {
  const auto bound =
      source_for(source("198.51.100.1:40000", "198.51.100.10:80"), target("198.51.100.10:80"));
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->to_string(), "198.51.100.1:" + std::to_string(mirrored_port(40000)));
  const auto v6 =
      source_for(source("[2001:db8::1]:40000", "[2001:db8::2]:80"), target("[2001:db8::2]:80"));
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->address.to_string(), "2001:db8::1");
}

TEST(ClientSource, KeepsThePortWhereTheConnectionIsAnother) {
  for (const char* other : {"198.51.100.10:8080", "127.0.0.1:80"}) {
    const auto bound =
        source_for(source("198.51.100.1:40000", "198.51.100.10:80", true), target(other));
    ASSERT_TRUE(bound) << other;
    EXPECT_EQ(bound->to_string(), "198.51.100.1:40000");
  }
}

TEST(ClientSource, CannotRepeatTheClientsOwnConnection) {
  const auto bound = source_for(source("198.51.100.1:40000", "198.51.100.10:80", true),
                                target("198.51.100.10:80"));
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().message,
            "source '198.51.100.1:40000': with its port it is taken: the client's own connection "
            "to '198.51.100.10:80' has the same addresses and ports; leave bind_port out, or send "
            "to another port");
}

TEST(ClientSource, CannotReachTheOtherFamily) {
  const auto bound =
      source_for(source("198.51.100.1:40000", "198.51.100.10:80"), target("[2001:db8::2]:80"));
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().message,
            "source '198.51.100.1:40000': the upstream '[2001:db8::2]:80' is of the other address "
            "family");
}

}  // namespace
}  // namespace weir::upstream
