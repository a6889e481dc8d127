// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/matchers.hpp"

#include <gtest/gtest.h>

#include "proxy/route/regex.hpp"
#include "tests/unit/route/request.hpp"

namespace weir::route {
namespace {

using testing::Lines;
using testing::Message;
using Text = StringMatcher::Kind;
using Header = HeaderMatcher::Kind;

StringMatcher text(Text kind, std::string value, bool ignore_case = false) {
  StringMatcher matcher{kind, std::move(value), ignore_case, nullptr};
  if (kind == Text::regex) matcher.regex = *compile_regex(matcher.text);
  return matcher;
}

struct TextRow {
  StringMatcher matcher;
  const char* value;
  bool matches;
};

TEST(StringMatcher, Rows) {
  const TextRow rows[] = {
      {{}, "", true},
      {{}, "anything", true},
      {text(Text::exact, "a"), "a", true},
      {text(Text::exact, "a"), "A", false},
      {text(Text::exact, "a"), "ab", false},
      {text(Text::exact, ""), "", true},
      {text(Text::exact, ""), "a", false},
      {text(Text::exact, "ab", true), "aB", true},
      {text(Text::exact, "ab", true), "aBc", false},
      {text(Text::prefix, "ab"), "abc", true},
      {text(Text::prefix, "ab"), "a", false},
      {text(Text::prefix, "ab"), "ABc", false},
      {text(Text::prefix, "ab", true), "ABc", true},
      {text(Text::prefix, "ab", true), "A", false},
      {text(Text::suffix, "bc"), "abc", true},
      {text(Text::suffix, "bc"), "c", false},
      {text(Text::suffix, "bc"), "aBC", false},
      {text(Text::suffix, "bc", true), "aBC", true},
      {text(Text::contains, "b"), "abc", true},
      {text(Text::contains, "b"), "aBc", false},
      {text(Text::contains, "b", true), "aBc", true},
      {text(Text::contains, "bb", true), "aBc", false},
      {text(Text::contains, "bb", true), "", false},
      {text(Text::regex, "a+"), "aaa", true},
      {text(Text::regex, "a+"), "aaab", false},  // as a whole
      {text(Text::regex, "a|b"), "b", true},
      {text(Text::regex, "(?i)a"), "A", true},
      {text(Text::exact, "\xc3\xa4", true), "\xc3\xa4", true},
  };
  for (const TextRow& row : rows)
    EXPECT_EQ(row.matcher.matches(row.value), row.matches)
        << static_cast<int>(row.matcher.kind) << " '" << row.matcher.text << "' '" << row.value
        << "'";
}

TEST(StringMatcher, HostileTextTakesLinearTime) {
  const StringMatcher matcher = text(Text::regex, "(a*)*b");
  EXPECT_FALSE(matcher.matches(std::string(100'000, 'a')));
}

struct HeaderRow {
  HeaderMatcher matcher;
  Lines headers;
  bool matches;
};

HeaderMatcher header(Header kind, StringMatcher string = {}, bool invert = false,
                     bool missing_is_empty = false) {
  return {"x", kind, std::move(string), 0, 0, invert, missing_is_empty};
}

HeaderMatcher range(std::int64_t start, std::int64_t end, bool invert = false,
                    bool missing_is_empty = false) {
  return {"x", Header::range, {}, start, end, invert, missing_is_empty};
}

TEST(HeaderMatcher, Rows) {
  const StringMatcher a = text(Text::exact, "a");
  const StringMatcher empty = text(Text::exact, "");
  const HeaderRow rows[] = {
      {header(Header::present), {{"x", "1"}}, true},
      {header(Header::present), {{"x", ""}}, true},
      {header(Header::present), {{"y", "1"}}, false},
      {header(Header::present, {}, true), {{"x", "1"}}, false},
      {header(Header::present, {}, true), {{"y", "1"}}, true},
      {header(Header::absent), {{"x", "1"}}, false},
      {header(Header::absent), {}, true},
      {header(Header::absent, {}, true), {{"x", "1"}}, true},
      {header(Header::absent, {}, true), {}, false},
      {header(Header::string, a), {{"x", "a"}}, true},
      {header(Header::string, a), {{"x", "b"}}, false},
      {header(Header::string, a), {}, false},
      {header(Header::string, a, true), {{"x", "a"}}, false},
      {header(Header::string, a, true), {{"x", "b"}}, true},
      {header(Header::string, a, true), {}, false},
      {header(Header::string, a, true, true), {}, true},
      {header(Header::string, empty, false, true), {}, true},
      {header(Header::string, empty, false, false), {}, false},
      // Of several lines one is enough: as Envoy 1.40, and so that no second line hides the first.
      {header(Header::string, text(Text::exact, "a,b")), {{"x", "a"}, {"x", "b"}}, false},
      {header(Header::string, text(Text::exact, "a,b")), {{"x", "a,b"}}, true},
      {header(Header::string, a), {{"x", "a"}, {"x", "a"}}, true},
      {header(Header::string, a), {{"x", "b"}, {"y", "c"}, {"x", "a"}}, true},
      {header(Header::string, a), {{"x", "b"}, {"y", "a"}}, false},
      {header(Header::string, a, true), {{"x", "b"}, {"x", "a"}}, false},
      {header(Header::string, a, true), {{"x", "b"}, {"x", "c"}}, true},
      {header(Header::string, empty), {{"x", ""}}, true},
      {range(-10, 0), {{"x", "5"}, {"x", "-5"}}, true},
      {range(-10, 0, true), {{"x", "5"}, {"x", "-5"}}, false},
      {range(-10, 0), {{"x", "-1"}}, true},
      {range(-10, 0), {{"x", "-10"}}, true},
      {range(-10, 0), {{"x", "0"}}, false},
      {range(-10, 0), {{"x", "somestring"}}, false},
      {range(-10, 0), {{"x", "10.9"}}, false},
      {range(-10, 0), {{"x", "-1somestring"}}, false},
      {range(-10, 0), {{"x", ""}}, false},
      {range(0, 10), {{"x", "99999999999999999999"}}, false},
      {range(-10, 0, true), {{"x", "-1"}}, false},
      {range(0, 10, true, true), {}, true},
      {range(0, 10, true, false), {}, false},
  };
  for (const HeaderRow& row : rows) {
    const Message message(row.headers);
    EXPECT_EQ(row.matcher.matches(message.headers), row.matches)
        << "row " << &row - rows << ": " << message.text();
  }
}

TEST(HeaderMatcher, AllOfThem) {
  const Message message(Lines{{"x", "a"}});
  const auto yes = header(Header::present);
  const auto no = header(Header::absent);
  EXPECT_TRUE(all_match({}, message.headers));
  EXPECT_TRUE(all_match({yes, yes}, message.headers));
  EXPECT_FALSE(all_match({yes, no}, message.headers));
}

TEST(QueryParameterMatcher, Rows) {
  using Kind = QueryParameterMatcher::Kind;
  const QueryParameterMatcher present{"a", Kind::present, {}};
  const QueryParameterMatcher one{"a", Kind::string, text(Text::exact, "1")};
  const QueryParameterMatcher empty{"a", Kind::string, text(Text::exact, "")};
  const QueryParameterMatcher absent{"a", Kind::absent, {}};
  const struct {
    const QueryParameterMatcher& matcher;
    const char* query;
    bool matches;
  } rows[] = {
      {present, "", false},     {present, "a", true},       {present, "a=", true},
      {present, "b&a", true},   {present, "aa=1", false},   {present, "b=a", false},
      {one, "a=1", true},       {one, "b=2&a=1&c=3", true}, {one, "a=2&a=1", false},
      {one, "a", false},        {one, "", false},           {one, "A=1", false},
      {one, "a=1=1", false},    {empty, "a", true},         {empty, "a=", true},
      {empty, "a&a=1", true},   {empty, "b", false},        {one, "&&a=1", true},
      {absent, "", true},       {absent, "a", false},       {absent, "b=1", true},
      {absent, "b&a=1", false}, {one, "a=%31", false},  // compared as written
  };
  for (const auto& row : rows) EXPECT_EQ(row.matcher.matches(row.query), row.matches) << row.query;
}

TEST(Fraction, Boundaries) {
  EXPECT_FALSE((Fraction{0, 100}).holds(0));
  EXPECT_TRUE((Fraction{100, 100}).holds(99));
  EXPECT_TRUE((Fraction{1, 10'000}).holds(10'000));
  EXPECT_FALSE((Fraction{1, 10'000}).holds(1));
  EXPECT_TRUE((Fraction{200, 100}).holds(99));
}

TEST(Regex, RefusesWhatEnvoyRefuses) {
  EXPECT_EQ(compile_regex("(").error().message, "missing ): (");
  EXPECT_TRUE(compile_regex("(.*)"));
  const auto large = compile_regex("(a{30}){30}", 100);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().message.find("regex '(a{30}){30}' RE2 program size of "), 0u);
  EXPECT_NE(large.error().message.find(" > max program size of 100 set for the error level "
                                       "threshold. Increase configured max program size if "
                                       "necessary."),
            std::string::npos);
  EXPECT_TRUE(compile_regex("(a{30}){30}"));
  EXPECT_FALSE(compile_regex("((a{100}){100}){100}"));
}

TEST(Regex, Substitutions) {
  const auto regex = *compile_regex("^/abc/(.*?)$");
  EXPECT_EQ(replace_all(*regex, "/abc/x", "/\\1.html"), "/x.html");
  EXPECT_EQ(replace_all(*regex, "/other", "/\\1.html"), "/other");
  EXPECT_EQ(replace_all(**compile_regex("a"), "banana", "o"), "bonono");
  EXPECT_TRUE(check_substitution(*regex, "\\1"));
  EXPECT_FALSE(check_substitution(*regex, "\\2"));
  EXPECT_EQ(replace_all(*regex, "/abc/x", "\\2"), "/abc/x");
}

}  // namespace
}  // namespace weir::route
