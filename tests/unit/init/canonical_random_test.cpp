// SPDX-License-Identifier: Apache-2.0
// Random configurations, as flags and back, and kept with the rules and back.
#include <gtest/gtest.h>

#include "init/cli/canonical_flags.hpp"
#include "init/install/config_chain.hpp"
#include "random_config.hpp"

namespace weir::init {
namespace {

TEST(CanonicalFlags, RandomConfigurationsComeBack) {
  RandomConfig random(4);
  for (int i = 0; i < 10'000; ++i) {
    const RedirectConfig config = random.next();
    const auto words = to_arguments(config);
    const auto back = from_arguments(words);
    ASSERT_TRUE(back) << shell_text(words) << ": " << back.error().message;
    ASSERT_EQ(*back, canonical(config)) << i << ": " << shell_text(words);
    ASSERT_EQ(to_arguments(*back), words);
  }
}

TEST(ConfigChain, ComesBackFromRandomRules) {
  RandomConfig random(6);
  for (int i = 0; i < 1'000; ++i) {
    const RedirectConfig config = random.next();
    const auto kept = config_of(with_config_chain(Ruleset{}, config));
    ASSERT_TRUE(kept) << kept.error().message;
    ASSERT_EQ(kept->config, canonical(config));
  }
}

}  // namespace
}  // namespace weir::init
