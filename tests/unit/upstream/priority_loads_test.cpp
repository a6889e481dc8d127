// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/priority_loads.hpp"

#include <numeric>
#include <string>

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

struct Row {
  const char* what;
  std::vector<PriorityHealth> priorities;
  double threshold;
  std::string loads;  // "0:healthy=70 1:healthy=30"
};

std::string text(const std::vector<PriorityLoad>& loads) {
  std::string out;
  for (const PriorityLoad& load : loads) {
    const char* group = load.group == HostGroup::healthy    ? "healthy"
                        : load.group == HostGroup::degraded ? "degraded"
                                                            : "all";
    out += (out.empty() ? "" : " ") + std::to_string(load.priority) + ":" + group + "=" +
           std::to_string(load.percent);
  }
  return out;
}

// {hosts, healthy, degraded, excluded}. The shares are those of Envoy's documents, "Priority
// levels", "Degraded endpoints" and "Panic threshold".
const Row kRows[] = {
    {"no priority", {}, 50, ""},
    {"no host", {{0, 0, 0, 0}}, 50, ""},
    {"all well", {{4, 4, 0, 0}}, 50, "0:healthy=100"},
    {"half well is enough", {{4, 2, 0, 0}}, 50, "0:healthy=100"},
    {"one in three is panic", {{3, 1, 0, 0}}, 50, "0:all=100"},
    {"none is panic", {{3, 0, 0, 0}}, 50, "0:all=100"},
    {"no panic with threshold 0", {{3, 1, 0, 0}}, 0, "0:healthy=100"},
    {"none and threshold 0", {{3, 0, 0, 0}}, 0, ""},
    {"threshold 100: one is missing", {{4, 3, 0, 0}}, 100, "0:healthy=100"},
    {"threshold 100: half is missing", {{4, 2, 0, 0}}, 100, "0:all=100"},

    {"the second waits", {{4, 4, 0, 0}, {4, 4, 0, 0}}, 50, "0:healthy=100"},
    {"5 / 7 take all", {{7, 5, 0, 0}, {4, 4, 0, 0}}, 50, "0:healthy=100"},
    {"70 % of 100", {{100, 70, 0, 0}, {100, 100, 0, 0}}, 50, "0:healthy=98 1:healthy=2"},
    {"half: 70 to 30", {{4, 2, 0, 0}, {4, 4, 0, 0}}, 50, "0:healthy=70 1:healthy=30"},
    {"a quarter: 35 to 65", {{4, 1, 0, 0}, {4, 4, 0, 0}}, 50, "0:healthy=35 1:healthy=65"},
    {"none: the second takes all", {{4, 0, 0, 0}, {4, 4, 0, 0}}, 50, "1:healthy=100"},
    {"gaps", {{0, 0, 0, 0}, {0, 0, 0, 0}, {2, 2, 0, 0}}, 50, "2:healthy=100"},
    {"25 % each is total panic", {{4, 1, 0, 0}, {4, 1, 0, 0}}, 50, "0:all=50 1:all=50"},
    {"total panic goes by size", {{1, 0, 0, 0}, {3, 0, 0, 0}}, 50, "0:all=25 1:all=75"},
    {"rounding goes to the first", {{1, 0, 0, 0}, {2, 0, 0, 0}}, 50, "0:all=34 1:all=66"},
    {"panic of one, with load 35 of 91", {{4, 1, 0, 0}, {5, 2, 0, 0}}, 30, "0:all=39 1:healthy=61"},
    {"three, shared to the last",
     {{100, 25, 0, 0}, {100, 25, 0, 0}, {100, 100, 0, 0}},
     50,
     "0:healthy=35 1:healthy=35 2:healthy=30"},
    {"three at 20 %, no panic",
     {{5, 1, 0, 0}, {5, 1, 0, 0}, {5, 1, 0, 0}},
     20,
     "0:healthy=34 1:healthy=33 2:healthy=33"},

    {"degraded take the rest", {{100, 0, 100, 0}}, 50, "0:degraded=100"},
    {"healthy first", {{100, 50, 50, 0}}, 50, "0:healthy=70 0:degraded=30"},
    {"healthy of the next before degraded",
     {{100, 50, 50, 0}, {4, 4, 0, 0}},
     50,
     "0:healthy=70 1:healthy=30"},
    {"enough healthy: none degraded", {{4, 3, 1, 0}}, 50, "0:healthy=100"},

    {"excluded hosts do not count", {{4, 2, 0, 2}}, 50, "0:healthy=100"},
    {"excluded, one of two well", {{4, 1, 0, 2}}, 60, "0:all=100"},
    {"all excluded", {{2, 0, 0, 2}}, 50, "0:all=100"},
};

TEST(PriorityLoads, AreEnvoys) {
  for (const Row& row : kRows)
    EXPECT_EQ(text(plan_loads(row.priorities, row.threshold)), row.loads) << row.what;
}

TEST(PriorityLoads, AlwaysAddUpToTheWhole) {
  for (std::uint32_t a = 0; a <= 7; ++a)
    for (std::uint32_t b = 0; b <= 7 - a; ++b)
      for (std::uint32_t c = 0; c <= 3; ++c)
        for (const double threshold : {0.0, 30.0, 50.0, 100.0}) {
          const PriorityHealth priorities[] = {{7, a, b, 0}, {3, c, 3 - c, 0}, {5, c, 0, 1}};
          const auto loads = plan_loads(priorities, threshold);
          const auto sum = std::accumulate(
              loads.begin(), loads.end(), 0u,
              [](std::uint32_t before, const PriorityLoad& load) { return before + load.percent; });
          EXPECT_EQ(sum, 100u) << a << " " << b << " " << c << " " << threshold;
        }
}

}  // namespace
}  // namespace weir::upstream
