// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/loop_guard.hpp"

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

Endpoint endpoint(const char* text) { return *Endpoint::parse(text); }
ListenAddress bound(const char* text) { return {endpoint(text)}; }
UpstreamAddress target(const char* text) { return {endpoint(text)}; }

TEST(LoopGuard, OwnListenerByExactAddress) {
  const LoopGuard guard({bound("127.0.0.1:15001")});
  EXPECT_TRUE(guard.is_own_listener(target("127.0.0.1:15001")));
  EXPECT_FALSE(guard.is_own_listener(target("127.0.0.1:15006")));
  EXPECT_FALSE(guard.is_own_listener(target("127.0.0.2:15001")));  // bound to one address only
}

TEST(LoopGuard, WildcardCoversEveryAddressOfThisHostAndNoOther) {
  const LoopGuard guard({bound("0.0.0.0:15001")});
  EXPECT_TRUE(guard.is_own_listener(target("127.0.0.1:15001")));
  EXPECT_TRUE(guard.is_own_listener(target("0.0.0.0:15001")));
  // Another host's proxy listens on the same port: dialling it is what an outbound proxy is for.
  EXPECT_FALSE(guard.is_own_listener(target("198.51.100.77:15001")));
}

TEST(LoopGuard, MarksFollowTheSocketAndEndWithIt) {
  LoopGuard guard({});
  const DownstreamAddress peer{endpoint("198.51.100.1:40000")};
  const LoopGuard::Socket socket{peer.endpoint, target("203.0.113.9:80")};
  EXPECT_TRUE(guard.marks_of(peer).empty());
  const LoopGuard::Origin origin{3, target("203.0.113.7:80")};
  guard.mark(socket, origin);
  ASSERT_EQ(guard.marks_of(peer).size(), 1u);
  EXPECT_EQ(guard.marks_of(peer)[0].origin, origin);
  EXPECT_EQ(guard.marks_of(peer)[0].remote, socket.remote);
  EXPECT_TRUE(guard.marks_of({endpoint("198.51.100.1:40001")}).empty());
  guard.unmark(socket);
  EXPECT_TRUE(guard.marks_of(peer).empty());
}

TEST(LoopGuard, OnePortMayHaveSeveralDestinations) {
  LoopGuard guard({});
  const DownstreamAddress peer{endpoint("198.51.100.1:40000")};
  const LoopGuard::Socket one{peer.endpoint, target("203.0.113.9:80")};
  const LoopGuard::Socket other{peer.endpoint, target("203.0.113.9:81")};
  guard.mark(one, {});
  guard.mark(other, {});
  EXPECT_EQ(guard.marks_of(peer).size(), 2u);
  guard.unmark(one);
  ASSERT_EQ(guard.marks_of(peer).size(), 1u);
  EXPECT_EQ(guard.marks_of(peer)[0].remote, other.remote);
}

}  // namespace
}  // namespace weir::upstream
