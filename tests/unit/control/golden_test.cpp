// SPDX-License-Identifier: Apache-2.0
// Whole files to everything that a node is served. WEIR_UPDATE_GOLDEN=1 rewrites what is expected.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/unit/control/control_text.hpp"

namespace weir::control {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, ResourcesAreAsExpected) {
  const std::string base = std::string(WEIR_CONTROL_DATA "/") + GetParam();
  config::Diagnostics diagnostics;
  const Registry registry = testing::registry_of(read(base + ".yaml"), diagnostics);
  EXPECT_EQ(diagnostics.to_string(config::Severity::error), "");
  EXPECT_EQ(diagnostics.to_string(config::Severity::warning), "");
  const NodeIdentity node{
      .id = "sidecar~203.0.113.11~one.shop~shop", .name_space = "shop", .address = "203.0.113.11"};
  const std::string text = testing::describe(build_resources(node, registry));
  if (std::getenv("WEIR_UPDATE_GOLDEN") != nullptr) std::ofstream(base + ".expected") << text;
  EXPECT_EQ(text, read(base + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Files, Golden,
                         ::testing::Values("resources", "service_entries", "services"),
                         [](const ::testing::TestParamInfo<const char*>& item) {
                           return std::string(item.param);
                         });

}  // namespace
}  // namespace weir::control
