// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/histogram.hpp"

#include <initializer_list>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "proxy/stats/decimal.hpp"
#include "proxy/stats/histogram_summary.hpp"
#include "proxy/stats/status_codes.hpp"

namespace weir::stats {
namespace {

HistogramSummary summary_of(std::initializer_list<std::uint64_t> values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.record(value);
  std::vector<std::uint64_t> counts(Histogram::kBins);
  EXPECT_TRUE(histogram.add_to(counts));
  return summarize(counts);
}

std::string quantiles(const HistogramSummary& summary) {
  std::string out;
  for (const double quantile : summary.quantiles) {
    append_decimal(out, quantile);
    out += ' ';
  }
  return out;
}

std::string sum(const HistogramSummary& summary) {
  std::string out;
  append_long_decimal(out, summary.sum);
  return out;
}

// Texts that Envoy 1.40 printed of the same values.
TEST(Histogram, OneValueAsEnvoyShowsIt) {
  const auto five = summary_of({5});
  EXPECT_EQ(quantiles(five), "5.05 5.05 5.05 5.05 5.05 5.05 5.05 5.05 5.05 5.05 ");
  EXPECT_EQ(sum(five), "5.049504950495049548919723747531");
  const auto hundreds = summary_of({228});
  EXPECT_EQ(quantiles(hundreds).substr(0, 19), "225.00000000000003 ");
  EXPECT_EQ(sum(hundreds), "224.88888888888891415263060480356");
}

TEST(Histogram, ManyOfOneValueAsEnvoyShowsThem) {
  EXPECT_EQ(quantiles(summary_of({1, 1, 1, 1, 1, 1, 1, 1, 1})),
            "1.01 1.03 1.05 1.07 1.09 1.09 1.09 1.09 1.09 1.09 ");
  EXPECT_EQ(quantiles(summary_of({1, 1})),
            "1.0333333333333334 1.0333333333333334 1.0333333333333334 1.0666666666666667 "
            "1.0666666666666667 1.0666666666666667 1.0666666666666667 1.0666666666666667 "
            "1.0666666666666667 1.0666666666666667 ");
}

TEST(Histogram, AMixtureAsEnvoyShowsIt) {
  const auto mixture = summary_of({57, 0, 1, 0, 3, 6, 1, 0, 2});
  EXPECT_EQ(quantiles(mixture), "0 0 1.0666666666666667 3.05 57.5 57.5 57.5 57.5 57.5 57.5 ");
  EXPECT_EQ(sum(mixture), "70.738437861684374752258008811623");
  EXPECT_EQ(mixture.count, 9u);
  EXPECT_EQ(mixture.at_most,
            (decltype(mixture.at_most){3, 5, 7, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}));
}

TEST(Histogram, ABoundCountsWithItsBucket) {
  const auto summary = summary_of({1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000,
                                   60000, 300000, 600000, 1800000, 3600000});
  for (std::size_t i = 0; i < summary.at_most.size(); ++i) EXPECT_EQ(summary.at_most[i], i) << i;
  EXPECT_EQ(summary_of({3700000}).at_most.back(), 0u);
}

TEST(Histogram, LargeValuesAreKeptToTwoDigitsAndTheLargestInTheLastBin) {
  Histogram histogram;
  std::vector<std::uint64_t> counts(Histogram::kBins);
  for (const std::uint64_t value : {std::uint64_t{9'900'000'000}, std::uint64_t{10'000'000'000},
                                    std::numeric_limits<std::uint64_t>::max()})
    histogram.record(value);
  histogram.add_to(counts);
  EXPECT_EQ(counts.back(), 3u);
  EXPECT_EQ(quantiles(summary_of({123456})).substr(0, 7), "125000 ");
  EXPECT_EQ(quantiles(summary_of({99})).substr(0, 5), "99.5 ");
  EXPECT_EQ(quantiles(summary_of({100})).substr(0, 4), "105 ");
}

TEST(Histogram, UnusedIsAPointer) {
  Histogram histogram;
  EXPECT_EQ(sizeof histogram, sizeof(void*));
  EXPECT_FALSE(histogram.used());
  std::vector<std::uint64_t> counts(Histogram::kBins);
  EXPECT_FALSE(histogram.add_to(counts));
  histogram.record(0);
  EXPECT_TRUE(histogram.used());
}

TEST(StatusCodes, CountsEachAndNothingElse) {
  StatusCodes codes;
  for (const unsigned code : {0u, 99u, 100u, 200u, 200u, 404u, 599u, 600u, 65535u}) codes.add(code);
  std::string seen;
  codes.for_each([&](unsigned code, std::uint64_t count) {
    seen += std::to_string(code) + "x" + std::to_string(count) + " ";
  });
  EXPECT_EQ(seen, "100x1 200x2 404x1 599x1 ");
}

}  // namespace
}  // namespace weir::stats
