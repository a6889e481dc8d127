// SPDX-License-Identifier: Apache-2.0
// Whole files to whole snapshots, and to the warnings that they deserve. WEIR_UPDATE_GOLDEN=1
// rewrites what is expected.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "proxy/config/bootstrap.hpp"
#include "tests/unit/config/describe.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::config {
namespace {

const std::string kFolder = WEIR_CONFIG_DATA "/";

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, SnapshotIsAsExpected) {
  const std::string name = GetParam();
  BootstrapSource source;
  source.path = kFolder + name;
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_TRUE(snapshot) << diagnostics.to_string(Severity::error);
  std::string text =
      testing::describe(**snapshot) + diagnostics.to_string(Severity::warning) + "\n";
  for (std::size_t at = text.find(kFolder); at != std::string::npos; at = text.find(kFolder))
    text.erase(at, kFolder.size());
  const std::string expected = kFolder + name.substr(0, name.find('.')) + ".expected";
  if (std::getenv("WEIR_UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << text;
  EXPECT_EQ(text, read(expected));
}

INSTANTIATE_TEST_SUITE_P(Files, Golden,
                         ::testing::Values("outbound.yaml", "inbound.yaml", "listeners.yaml",
                                           "clusters.yaml", "access_logs.json", "http.yaml",
                                           "http_defaults.yaml", "http_clusters.yaml"),
                         [](const ::testing::TestParamInfo<const char*>& item) {
                           const std::string name = item.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace weir::config
