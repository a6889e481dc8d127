// SPDX-License-Identifier: Apache-2.0
// golden/NAME.yaml → golden/NAME.native.yaml, .classic.yaml, .control.yaml. WEIR_GOLDEN=write makes
// them anew.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "inject/manifest.hpp"

namespace weir::inject {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, IsWhatItWas) {
  const std::string base = std::string(WEIR_INJECT_GOLDEN) + "/" + GetParam();
  const std::string input = contents(base + ".yaml");
  ASSERT_FALSE(input.empty()) << base;
  InjectOptions native, classic, control;
  // A fixed name: a new version changes no golden file.
  for (InjectOptions* options : {&native, &classic, &control}) {
    options->init_image = "example.com/weir-init:1";
    options->proxy_image = "example.com/weir-proxy:1";
  }
  classic.native_sidecar = false;
  classic.config_map = "envoy";
  control.control = "weir-control.weir:15010";
  for (const auto& [name, options] :
       {std::pair{"native", native}, {"classic", classic}, {"control", control}}) {
    const auto result = inject_manifest(input, options);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_TRUE(result->refusals.empty()) << result->refusals[0];
    const std::string path = base + "." + name + ".yaml";
    const char* write = std::getenv("WEIR_GOLDEN");
    if (write != nullptr && std::string_view(write) == "write")
      std::ofstream(path, std::ios::binary) << result->text;
    EXPECT_EQ(contents(path), result->text) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::Values("deployment", "job", "list", "tproxy"));

}  // namespace
}  // namespace weir::inject
