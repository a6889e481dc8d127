// SPDX-License-Identifier: Apache-2.0
#include "proxy/io/block_pool.hpp"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "common/sanitizers.hpp"

namespace weir::io {
namespace {

struct Counted {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() { --alive_; }
  int& alive_;
  char bytes[40] = {};
};

TEST(BlockPool, BlocksAreDistinctAndReused) {
  BlockPool<64> pool;
  int alive = 0;
  std::vector<Counted*> objects;
  for (int i = 0; i < 300; ++i) objects.push_back(pool.make<Counted>(alive));
  EXPECT_EQ(std::set<Counted*>(objects.begin(), objects.end()).size(), 300u);
  EXPECT_EQ(alive, 300);
  const std::set<Counted*> before(objects.begin(), objects.end());
  for (Counted* object : objects) pool.destroy(object);
  EXPECT_EQ(alive, 0);
  for (Counted*& object : objects) {
    object = pool.make<Counted>(alive);
    if (kAddressSanitizer) continue;  // every block is its own there
    EXPECT_TRUE(before.contains(object))
        << "a freed block should come back before a new slab is taken";
  }
  for (Counted* object : objects) pool.destroy(object);
}

}  // namespace
}  // namespace weir::io
