// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/time_format.hpp"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace weir::access_log {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

system_clock::time_point at(std::int64_t epoch, std::int64_t nanos) {
  return system_clock::time_point(
      std::chrono::duration_cast<system_clock::duration>(seconds(epoch) + nanoseconds(nanos)));
}
// 2024-05-06T07:08:09.012345678Z, a Monday
const auto kMoment = at(1714979289, 12345678);

std::string render(std::string_view format, system_clock::time_point time = kMoment) {
  const auto compiled = TimeFormat::parse(format);
  EXPECT_TRUE(compiled) << format;
  std::string out;
  if (compiled) compiled->render(time, out);
  return out;
}

TEST(TimeFormat, DefaultIsMillisecondsInUtc) {
  std::string out = "[";
  TimeFormat().render(kMoment, out);
  EXPECT_EQ(out, "[2024-05-06T07:08:09.012Z");
  out.clear();
  TimeFormat().render(at(0, 0), out);
  EXPECT_EQ(out, "1970-01-01T00:00:00.000Z");
  out.clear();
  TimeFormat().render(at(1709251199, 999999999), out);
  EXPECT_EQ(out, "2024-02-29T23:59:59.999Z");
}

TEST(TimeFormat, BeforeTheEpochFractionsStillCountForward) {
  std::string out;
  TimeFormat().render(at(-1, 500'000'000), out);
  EXPECT_EQ(out, "1969-12-31T23:59:59.500Z");
}

TEST(TimeFormat, CalendarConversions) {
  EXPECT_EQ(render("%Y/%m/%dT%H:%M:%S%z"), "2024/05/06T07:08:09+0000");
  EXPECT_EQ(render("%a %A %b %B %j %y %I %p %e|%F|%T|%D|%R"),
            "Mon Monday May May 127 24 07 AM  6|2024-05-06|07:08:09|05/06/24|07:08");
  EXPECT_EQ(render("%Z"), "GMT");
  EXPECT_EQ(render("%%|%n|%t"), "%|\n|\t");
  EXPECT_EQ(render("plain"), "plain");
}

TEST(TimeFormat, EpochSecondsAndFractions) {
  EXPECT_EQ(render("%s"), "1714979289");
  EXPECT_EQ(render("%s.%3f"), "1714979289.012");
  EXPECT_EQ(render("%6f"), "012345");
  EXPECT_EQ(render("%9f"), "012345678");
  EXPECT_EQ(render("%f"), "012345678");
  EXPECT_EQ(render("%1f%2f"), "001");
  EXPECT_EQ(render("%H:%M:%S.%3f %Y"), "07:08:09.012 2024");
  EXPECT_EQ(render("%%s%%3f"), "%s%3f");
}

TEST(TimeFormat, DoesNotDependOnTheTimeZoneOfTheProcess) {
  setenv("TZ", "America/New_York", 1);
  tzset();
  EXPECT_EQ(render("%F %T %s"), "2024-05-06 07:08:09 1714979289");
  unsetenv("TZ");
  tzset();
}

TEST(TimeFormat, LongLiteralsAndManyConversionsFit) {
  const std::string literal(5000, 'x');
  EXPECT_EQ(render(literal + "%Y"), literal + "2024");
  std::string format, expected;
  for (int i = 0; i < 500; ++i) {
    format += "%c";
    expected += "Mon May  6 07:08:09 2024";
  }
  EXPECT_EQ(render(format), expected);
}

TEST(TimeFormat, RefusesUnknownConversionsByName) {
  for (const std::string_view format :
       {"%Q", "%", "abc%", "%0f", "%3", "%33f", "%Ey", "%Od", "%-d", "%\xff"}) {
    const auto compiled = TimeFormat::parse(format);
    ASSERT_FALSE(compiled) << format;
    EXPECT_NE(compiled.error().message.find("unknown conversion"), std::string::npos);
  }
  EXPECT_EQ(TimeFormat::parse("a%Qb").error().message,
            "time format 'a%Qb': unknown conversion '%Q'");
}

}  // namespace
}  // namespace weir::access_log
