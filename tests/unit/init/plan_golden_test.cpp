// SPDX-License-Identifier: Apache-2.0
// Each configuration gives exactly the text in golden/. WEIR_UPDATE_GOLDENS=1 writes them anew;
// read the diff.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/render.hpp"

namespace weir::init {
namespace {

class PlanGolden : public testing::TestWithParam<Case> {};

TEST_P(PlanGolden, RendersAsRecorded) {
  const auto options = parse(GetParam().arguments, fake_environment(GetParam().variables));
  ASSERT_TRUE(options) << options.error().message;
  const std::string text = render_ruleset(plan_ruleset(options->config));
  const std::string path = std::string(WEIR_GOLDEN_DIR) + "/" + GetParam().name + ".nft";
  if (std::getenv("WEIR_UPDATE_GOLDENS") != nullptr) std::ofstream(path) << text;
  std::ostringstream recorded;
  recorded << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, recorded.str()) << path;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, PlanGolden, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace weir::init
