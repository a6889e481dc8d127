// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/escape.hpp"

#include <gtest/gtest.h>

namespace weir::access_log {
namespace {

std::string text(std::string_view value) {
  std::string out;
  append_escaped_text(value, out);
  return out;
}
TEST(EscapeText, PrintableAsciiStays) {
  EXPECT_EQ(text("a.example.com outbound|80||x ~!'"), "a.example.com outbound|80||x ~!'");
  EXPECT_EQ(text(""), "");
}

TEST(EscapeText, EverythingElseIsHex) {
  EXPECT_EQ(text("a\nb\r\tc"), "a\\x0ab\\x0d\\x09c");
  EXPECT_EQ(text(std::string_view("\0\x1b[31m\x7f", 7)), "\\x00\\x1b[31m\\x7f");
  EXPECT_EQ(text("say \"hi\""), "say \\x22hi\\x22");
  EXPECT_EQ(text("\xc3\xa9\xff"), "\\xc3\\xa9\\xff");
}

TEST(EscapeText, ABackslashCannotPretendToBeAnEscape) { EXPECT_EQ(text("\\x0a"), "\\x5cx0a"); }

}  // namespace
}  // namespace weir::access_log
