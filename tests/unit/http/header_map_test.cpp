// SPDX-License-Identifier: Apache-2.0
// Arenas, and HeaderMap against a plain list of fields.
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/http/header_model.hpp"
#include "tests/unit/http/http1_heads.hpp"

namespace weir::http {
namespace {

TEST(Arena, PiecesOfEverySizeStayApart) {
  ArenaPool pool;
  for (int round = 0; round < 3; ++round) {
    Arena arena(pool);
    std::mt19937 random(3);
    std::vector<std::pair<char*, std::size_t>> pieces;
    for (std::size_t i = 0; i < 4000; ++i) {
      const std::size_t size = i % 50 == 0 ? random() % 9000 : random() % 200;
      const std::size_t alignment = std::size_t{1} << random() % 5;
      auto* const at = static_cast<char*>(arena.allocate(size, alignment));
      ASSERT_NE(at, nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % alignment, 0u);
      std::memset(at, static_cast<int>(i & 0xff), size);
      pieces.emplace_back(at, size);
    }
    for (std::size_t i = 0; i < pieces.size(); ++i)
      for (std::size_t j = 0; j < pieces[i].second; ++j)
        ASSERT_EQ(static_cast<unsigned char>(pieces[i].first[j]), i & 0xff);
    EXPECT_GT(arena.footprint(), 4000u * 90);
  }
}

TEST(Arena, SizesAroundABlock) {
  ArenaPool pool;
  Arena arena(pool);
  for (std::size_t size = ArenaPool::kBlock / 2 - 2; size < ArenaPool::kBlock / 2 + 3; ++size)
    std::memset(arena.allocate(size), 1, size);
  for (std::size_t size = ArenaPool::kBlock - 20; size < ArenaPool::kBlock + 20; ++size)
    std::memset(arena.allocate(size, 1), 2, size);
  std::memset(arena.allocate(20'000'000), 3, 20'000'000);
  EXPECT_GT(arena.footprint(), 20'000'000u);
  EXPECT_NE(arena.allocate(0), nullptr);
}

TEST(Arena, WhatIsReservedIsTakenOnlyByCommit) {
  ArenaPool pool;
  Arena arena(pool);
  for (const std::size_t size : {0u, 1u, 100u, 256u, 2048u, 2049u, 5000u, 100u}) {
    char* const at = arena.reserve(size);
    std::memset(at, 'r', size);
    const std::size_t used = size / 2;
    arena.commit(at, used);
    std::memset(arena.allocate(64, 1), 'x', 64);
    EXPECT_EQ(std::string_view(at, used), std::string(used, 'r'));
  }
  char* const first = arena.reserve(100);
  EXPECT_EQ(arena.reserve(50), first);  // nothing was taken
  arena.commit(first, 10);
  EXPECT_EQ(arena.reserve(50), first + 10);
}

TEST(Arena, CopiesAndJoins) {
  ArenaPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.copy("abc"), "abc");
  EXPECT_EQ(arena.copy({}), "");
  EXPECT_EQ(arena.join("abc", "de"), "abcde");
  EXPECT_EQ(arena.join(std::string_view(), "de"), "de");
  EXPECT_EQ(arena.join("abc", std::string_view()), "abc");
  EXPECT_EQ(arena.join(std::string_view(), std::string_view()), "");
  const std::string large(10000, 'l');
  EXPECT_EQ(arena.join(large, large), large + large);
  struct Pair {
    Pair(int first, double second) : a(first), b(second) {}
    int a;
    double b;
  };
  const auto* const pair = arena.make<Pair>(1, 2.5);
  EXPECT_EQ(pair->a, 1);
  EXPECT_EQ(pair->b, 2.5);
}

TEST(HeaderMap, FindsReplacesAndRemoves) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap map(arena);
  EXPECT_TRUE(map.empty());
  map.add("x-a", "1");
  map.add(HeaderId::via, "v");
  map.add("x-a", "2");
  map.add(HeaderId::via, "w");
  map.add(HeaderId::cookie, "c");
  map.add("cookie", "d");
  EXPECT_EQ(fields_text(map), "x-a=1;via=v,w;x-a=2;cookie=c;cookie=d;");
  EXPECT_EQ(map.size(), 5u);
  EXPECT_EQ(map.bytes(), 3u + 1 + 3 + 3 + 3 + 1 + 6 + 1 + 6 + 1);
  EXPECT_EQ(map.get("x-a"), "1");
  EXPECT_EQ(map.get("via"), "v,w");
  EXPECT_EQ(map.get(HeaderId::via), "v,w");
  EXPECT_EQ(map.get(HeaderId::cookie), "c");
  EXPECT_EQ(map.get("X-A"), "");
  EXPECT_EQ(map.joined("x-a"), "1,2");
  EXPECT_EQ(map.joined("via"), "v,w");
  EXPECT_EQ(map.joined("cookie"), "c,d");
  EXPECT_EQ(map.joined("none"), "");
  EXPECT_EQ(map.count("x-a"), 2u);
  EXPECT_EQ(map.count("via"), 1u);
  EXPECT_EQ(map.count("cookie"), 2u);
  EXPECT_TRUE(map.has_any(HeaderSet({HeaderId::via, HeaderId::te})));
  EXPECT_FALSE(map.has_any(HeaderSet({HeaderId::te})));
  map.set("x-a", "3");
  EXPECT_EQ(fields_text(map), "x-a=3;via=v,w;cookie=c;cookie=d;");
  map.set(HeaderId::via, "u");
  map.set(HeaderId::cookie, "e");
  EXPECT_EQ(fields_text(map), "x-a=3;via=u;cookie=e;");
  map.set("x-b", "4");
  EXPECT_TRUE(map.remove(HeaderId::via));
  EXPECT_FALSE(map.remove(HeaderId::via));
  EXPECT_FALSE(map.has_any(HeaderSet({HeaderId::via})));
  map.add(HeaderId::cookie, "f");
  EXPECT_TRUE(map.remove("cookie"));
  EXPECT_FALSE(map.has(HeaderId::cookie));
  EXPECT_TRUE(map.remove("x-a"));
  EXPECT_FALSE(map.remove("x-a"));
  EXPECT_EQ(fields_text(map), "x-b=4;");
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find("x-b"), nullptr);
}

TEST(HeaderMap, JoinsTheLinesOfAHeaderThatHasOne) {
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    const bool single = is_single(id);
    ArenaPool pool;
    Arena arena(pool);
    HeaderMap map(arena);
    map.add(id, "a");
    map.add("x", "1");
    map.add(name, "");
    map.add_static(id, "c");
    const std::string after =
        single ? name + "=a,,c;x=1;" : name + "=a;x=1;" + name + "=;" + name + "=c;";
    EXPECT_EQ(fields_text(map), after);
    EXPECT_EQ(map.joined(name), "a,,c");
    // What was set or removed in between is not there to be joined to.
    map.set(id, "d");
    map.add(id, "e");
    EXPECT_EQ(fields_text(map), single ? name + "=d,e;x=1;" : name + "=d;x=1;" + name + "=e;");
    EXPECT_TRUE(map.remove(id));
    map.add(id, "f");
    EXPECT_EQ(fields_text(map), "x=1;" + name + "=f;");
  }
  for (const HeaderId id : {HeaderId::cookie, HeaderId::trailer, HeaderId::http2_settings,
                            HeaderId::forwarded, HeaderId::path, HeaderId::none})
    EXPECT_FALSE(is_single(id)) << header_name(id);
  for (const HeaderId id : {HeaderId::host, HeaderId::via, HeaderId::content_length,
                            HeaderId::x_forwarded_for, HeaderId::grpc_timeout})
    EXPECT_TRUE(is_single(id)) << header_name(id);
}

TEST(HeaderMap, AnEmptyNameIsNoName) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap map(arena);
  map.add("a", "1");
  map.add("b", "2");
  map.add("c", "3");
  map.remove("a");
  map.remove("b");
  map.set("", "x");
  EXPECT_EQ(map.find(""), nullptr);
  EXPECT_EQ(map.find(HeaderId::none), nullptr);
  EXPECT_EQ(map.get(""), "");
  EXPECT_EQ(map.joined(""), "");
  EXPECT_EQ(map.count(""), 0u);
  EXPECT_FALSE(map.remove(""));
  EXPECT_FALSE(map.remove(HeaderId::none));
  map.remove_at(0);
  EXPECT_EQ(map.size(), 1u);
  EXPECT_EQ(fields_text(map), "c=3;");
}

TEST(HeaderMap, JoinedBorrowsASingleValue) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap map(arena);
  map.add("x", "one");
  const std::size_t before = arena.footprint();
  EXPECT_EQ(map.joined("x").data(), map.get("x").data());
  EXPECT_EQ(arena.footprint(), before);
  for (int i = 0; i < 10000; ++i) map.add("x", "0123456789");
  const std::size_t grown = arena.footprint();
  EXPECT_EQ(map.joined("x").size(), 3u + 10000 * 11);
  EXPECT_LT(arena.footprint() - grown, 200'000u);  // once, not once for each
  map.add(HeaderId::cookie, "");
  map.add(HeaderId::cookie, "");
  EXPECT_EQ(map.joined("cookie"), ",");
  map.add(HeaderId::via, "");
  map.add(HeaderId::via, "");
  EXPECT_EQ(map.get("via"), ",");
  EXPECT_EQ(map.joined("via").data(), map.get("via").data());
}

TEST(HeaderMap, MoreThanSixtyFiveThousandFields) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap map(arena);
  constexpr int kMany = 70000;
  for (int i = 0; i < kMany; ++i) map.add("x", "y");
  EXPECT_EQ(map.size(), static_cast<std::size_t>(kMany));
  EXPECT_FALSE(map.has(HeaderId::cookie));
  map.add(HeaderId::cookie, "5");
  map.add(HeaderId::via, "1");
  map.add("cookie", "6");
  EXPECT_TRUE(map.has(HeaderId::cookie));
  EXPECT_EQ(map.get("cookie"), "5");
  EXPECT_EQ(map.joined("cookie"), "5,6");
  map.remove_at(kMany);
  EXPECT_EQ(map.get(HeaderId::cookie), "6");
  map.set(HeaderId::via, "2");
  EXPECT_EQ(map.size(), kMany + 2u);
  EXPECT_TRUE(map.remove(HeaderId::cookie));
  EXPECT_FALSE(map.has_any(HeaderSet({HeaderId::cookie})));
  EXPECT_TRUE(map.remove("x"));
  EXPECT_EQ(fields_text(map), "via=2;");
}

TEST(HeaderMap, IsWhatAPlainListSays) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    HeaderModelPair pair;
    const int steps = 5 + static_cast<int>(random() % 200);
    for (int step = 0; step < steps; ++step) {
      pair.step(random(), random(), random());
      ASSERT_EQ(pair.difference(), "") << "round " << round << " step " << step;
    }
  }
}

}  // namespace
}  // namespace weir::http
