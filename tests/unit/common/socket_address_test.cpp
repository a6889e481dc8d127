// SPDX-License-Identifier: Apache-2.0
#include "common/socket_address.hpp"

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "common/unique_fd.hpp"

namespace weir {
namespace {

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

TEST(SocketAddress, RoundTripsBothFamilies) {
  for (const std::string_view text :
       {"198.51.100.7:80", "[2001:db8::1]:65535", "0.0.0.0:0", "[::]:0"}) {
    const SocketAddress address(endpoint(text));
    EXPECT_EQ(address.endpoint(), endpoint(text));
  }
}

TEST(SocketAddress, IsInNetworkOrderWithTheLengthOfItsFamily) {
  const SocketAddress v4(endpoint("198.51.100.7:80"));
  EXPECT_EQ(v4.generic.sa_family, AF_INET);
  EXPECT_EQ(v4.length, sizeof(sockaddr_in));
  EXPECT_EQ(v4.v4.sin_port, htons(80));
  EXPECT_EQ(v4.v4.sin_addr.s_addr, htonl(0xc6336407u));
  const SocketAddress v6(endpoint("[2001:db8::1]:443"));
  EXPECT_EQ(v6.generic.sa_family, AF_INET6);
  EXPECT_EQ(v6.length, sizeof(sockaddr_in6));
  EXPECT_EQ(v6.v6.sin6_port, htons(443));
  EXPECT_EQ(v6.v6.sin6_scope_id, 0u);
}

TEST(SocketAddress, AMappedAddressBecomesPlainIpv4) {
  const SocketAddress mapped(endpoint("[::ffff:198.51.100.7]:80"));
  EXPECT_EQ(mapped.generic.sa_family, AF_INET6);
  EXPECT_EQ(mapped.endpoint(), endpoint("198.51.100.7:80"));
}

TEST(SocketAddress, OtherFamiliesGiveNothing) {
  SocketAddress address;
  EXPECT_EQ(address.length, sizeof(sockaddr_in6));
  EXPECT_EQ(address.endpoint(), Endpoint{});
  address.generic.sa_family = AF_UNIX;
  EXPECT_EQ(address.endpoint(), Endpoint{});
}

TEST(SocketAddress, ReadsBothEndsOfAConnection) {
  const UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress any(endpoint("127.0.0.1:0"));
  ASSERT_EQ(bind(server.get(), &any.generic, any.length), 0) << std::strerror(errno);
  ASSERT_EQ(listen(server.get(), 1), 0);
  const auto listening = local_endpoint(server.get());
  ASSERT_TRUE(listening);
  EXPECT_EQ(listening->address.to_string(), "127.0.0.1");
  EXPECT_NE(listening->port, 0);

  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress to(*listening);
  ASSERT_EQ(connect(client.get(), &to.generic, to.length), 0) << std::strerror(errno);
  EXPECT_EQ(*peer_endpoint(client.get()), *listening);
}

TEST(SocketAddress, KnowsWhatBelongsToThisHost) {
  EXPECT_TRUE(is_local_address(*IpAddress::parse("127.0.0.1")));
  EXPECT_TRUE(is_local_address(*IpAddress::parse("127.9.9.9")));
  EXPECT_FALSE(is_local_address(*IpAddress::parse("203.0.113.77")));
}

TEST(SocketAddress, CarriesErrno) {
  const auto local = local_endpoint(-1);
  ASSERT_FALSE(local);
  EXPECT_EQ(local.error().code, EBADF);
  const UniqueFd unconnected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto peer = peer_endpoint(unconnected.get());
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error().code, ENOTCONN);
}

}  // namespace
}  // namespace weir
