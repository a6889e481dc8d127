// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/scalar_values.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(ScalarValues, Integers) {
  EXPECT_EQ(parse_signed("-12", false)->value, -12);
  EXPECT_EQ(parse_unsigned("18446744073709551615", false)->value, 18446744073709551615u);
  EXPECT_EQ(parse_unsigned("+7", false)->value, 7u);
  EXPECT_EQ(parse_unsigned("1e3", false)->value, 1000u);
  EXPECT_EQ(parse_unsigned("80.0", true)->value, 80u);
  EXPECT_EQ(parse_unsigned("0", false)->remark, "");
  EXPECT_EQ(parse_unsigned("0x1F", false)->value, 31u);
  EXPECT_EQ(parse_unsigned("0x1F", false)->remark, "read as 31; write the decimal number");
  EXPECT_EQ(parse_unsigned("017", false)->value, 15u);
  EXPECT_EQ(parse_unsigned("017", true)->value, 17u);
  for (const char* wrong :
       {"", "-1", "1.5", "0x", "1e30", "12a", " 1", "18446744073709551616", "--1", "+-1", "1_000"})
    EXPECT_FALSE(parse_unsigned(wrong, false)) << wrong;
  EXPECT_FALSE(parse_unsigned("0x1F", true));
  EXPECT_FALSE(parse_signed("9223372036854775808", false));
}

TEST(ScalarValues, Doubles) {
  EXPECT_EQ(parse_double("-1.5e2"), -150.0);
  EXPECT_TRUE(std::isinf(*parse_double("Infinity")));
  EXPECT_TRUE(std::isnan(*parse_double("NaN")));
  for (const char* wrong : {"", "inf", "nan", "1.5x", "0x1p3"})
    EXPECT_FALSE(parse_double(wrong)) << wrong;
}

TEST(ScalarValues, Bools) {
  EXPECT_TRUE(parse_bool("true", false)->value);
  EXPECT_EQ(parse_bool("true", false)->remark, "");
  EXPECT_EQ(parse_bool("false", true)->remark, "write it without quotes");
  EXPECT_TRUE(parse_bool("Yes", false)->value);
  EXPECT_FALSE(parse_bool("OFF", false)->value);
  EXPECT_FALSE(parse_bool("yes", true));
  EXPECT_FALSE(parse_bool("1", false));
  EXPECT_FALSE(parse_bool("yEs", false));
}

TEST(ScalarValues, Durations) {
  EXPECT_EQ(parse_duration("0s")->seconds, 0);
  EXPECT_EQ(parse_duration("0.25s")->nanos, 250'000'000);
  EXPECT_EQ(parse_duration("-1.000000001s")->seconds, -1);
  EXPECT_EQ(parse_duration("-1.000000001s")->nanos, -1);
  EXPECT_EQ(parse_duration("315576000000s")->seconds, 315'576'000'000);
  for (const char* wrong : {"", "s", "1", "1ms", "1m", "1.s", ".5s", "1.0000000001s",
                            "315576000001s", "1e3s", "+1s", "1.-5s", "--1s", " 1s"})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(ScalarValues, Base64) {
  EXPECT_EQ(parse_base64("aGVsbG8="), "hello");
  EXPECT_EQ(parse_base64("aGVsbG8"), "hello");
  EXPECT_EQ(parse_base64("-_8="), parse_base64("+/8"));
  EXPECT_EQ(parse_base64(""), "");
  EXPECT_FALSE(parse_base64("a"));
  EXPECT_FALSE(parse_base64("a b="));
}

TEST(ScalarValues, Utf8) {
  EXPECT_TRUE(is_valid_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  for (const char* wrong :
       {"\x80", "\xC0\x80", "\xC3", "\xED\xA0\x80", "\xE0\x80\x80", "\xF4\x90\x80\x80", "\xFF"})
    EXPECT_FALSE(is_valid_utf8(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::config
