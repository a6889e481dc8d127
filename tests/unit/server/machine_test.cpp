// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/machine.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

namespace weir::server {
namespace {

namespace fs = std::filesystem;

class CgroupRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-cgroup-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    cpu_set_t set;
    CPU_ZERO(&set);
    ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    affinity = static_cast<unsigned>(CPU_COUNT(&set));
  }
  void TearDown() override { fs::remove_all(root); }
  void write(const fs::path& name, const char* text) const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }
  fs::path root;
  unsigned affinity = 0;
};

TEST_F(CgroupRoot, WithoutAQuotaTheAffinityCounts) {
  EXPECT_EQ(granted_processors(root), affinity);
  write("cpu.max", "max 100000\n");
  EXPECT_EQ(granted_processors(root), affinity);
}

TEST_F(CgroupRoot, AFractionOfAProcessorIsOneWorker) {
  write("cpu.max", "50000 100000\n");
  EXPECT_EQ(granted_processors(root), 1u);
}

TEST_F(CgroupRoot, AQuotaAboveTheAffinityAddsNothing) {
  write("cpu.max", "6400000 100000\n");
  EXPECT_EQ(granted_processors(root), affinity);
}

TEST_F(CgroupRoot, ReadsTheFirstVersionToo) {
  write("cpu/cpu.cfs_quota_us", "100000\n");
  write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(granted_processors(root), 1u);
  write("cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(granted_processors(root), affinity);
}

TEST(ConnectionLimit, LeavesDescriptorsForEverythingElse) {
  EXPECT_EQ(connection_limit(20000), 9872u);
  EXPECT_LT(connection_limit(64) * 2, 64u);
  EXPECT_GT(connection_limit(64), 0u);
}

}  // namespace
}  // namespace weir::server
