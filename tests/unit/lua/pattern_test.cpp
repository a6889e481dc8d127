// SPDX-License-Identifier: Apache-2.0
// Our patterns against those of the library that they replace.
#include <array>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/run_script.hpp"

namespace weir::lua {
namespace {

/// Both kinds side by side: the library's own as `plain_*`.
class Patterns : public ::testing::Test {
 protected:
  Patterns() : library_(luaL_newstate()) {
    luaL_openlibs(library_);
    luaJIT_setmode(library_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  }
  ~Patterns() override { lua_close(library_); }

  std::string ours(const std::string& text) { return run(state_, text); }
  std::string library(const std::string& text) {
    lua_settop(library_, 0);
    int status = luaL_loadbuffer(library_, text.data(), text.size(), "=test");
    if (status == 0) status = lua_pcall(library_, 0, 1, 0);
    std::size_t length = 0;
    const char* const out = lua_tolstring(library_, -1, &length);
    return (status != 0 ? "error: " : "") + (out == nullptr ? "nil" : std::string(out, length));
  }
  void same(const std::string& text) { EXPECT_EQ(ours(text), library(text)) << text; }

 private:
  State state_;
  lua_State* library_;
};

// Results of a function as one string.
std::string shown(const std::string& call) {
  return "local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = "
         "tostring((select(i, ...))) end return table.concat(t, '|') end return show(" +
         call + ")";
}

TEST_F(Patterns, Examples) {
  for (const char* const call : {
           "('hello world'):find('wor')",
           "('hello world'):find('o', 6)",
           "('hello'):find('')",
           "('hello'):find('', 6)",
           "('hello'):find('', 7)",
           "('hello'):find('', 100)",
           "('hello'):find('l', -2)",
           "('hello'):find('l', -200)",
           "('a.b'):find('.', 1, true)",
           "('a.b'):find('%.')",
           "('a+b'):find('+', 1, true)",
           "('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
           "('key = value'):match('()=()')",
           "('  trim  '):match('^%s*(.-)%s*$')",
           "('2024-01-02'):match('(%d+)-(%d+)-(%d+)')",
           "('f(a(b)c)d'):match('%b()')",
           "('THE (quick) fox'):find('%((%a+)%)')",
           "('THE (quick) fox'):gsub('%f[%a]%a+', string.lower)",
           "('hello hello'):match('(%w+) %1')",
           "('abc'):gsub('%w', '%0%0')",
           "('abc'):gsub('(%w)(%w)', '%2%1')",
           "('abc'):gsub('', '-')",
           "('abc'):gsub('b*', 'x')",
           "('hello world'):gsub('o', '0', 1)",
           "('hello world'):gsub('o', '0', 0)",
           "('hello'):gsub('l', {l = 'L'})",
           "('hello'):gsub('%w', {h = false, e = 1})",
           "('hello'):gsub('%w', function(c) if c == 'l' then return 'L' end end)",
           "('$name is $x'):gsub('%$(%w+)', {name = 'n'})",
           "('a,b,,c'):gsub(',', ';')",
           "('x^2'):find('^x%^')",
           "('^x'):gsub('^^', '')",
           "('abc'):gsub('^a', '')",
           "('[a]'):match('[%]%[]')",
           "(']'):match('[]]')",
           "('a-z'):match('[a-]+')",
           "('a-z'):match('[%a-z]+')",
           "('caf\\195\\169'):match('[\\128-\\255]+')",
           "('a\\0b'):find('\\0')",
           "('a\\0b'):match('[%z]')",
           "('abc'):match('[^b]+')",
           "('aXb'):match('%u')",
           "('a1b'):match('%D+')",
           "('a b'):match('%S+')",
           "('\\t!'):match('%p')",
           "('\\1'):match('%c')",
           "('beef'):match('%x+')",
           "('a b'):match('%g+')",
           "('x'):rep(3):match('x-$')",
           "('axb'):match('a(x?)b')",
           "('ab'):match('a(x?)b')",
           "('aaa'):find('a-', 2)",
           "('abc'):match('((a)(b))')",
           "('end$'):match('d$')",
           "('a$b'):match('a$b')",
           "('%'):gsub('%%', '%%%%')",
           "(123):rep(2):match('%d')",
           "('abc'):find('b', nil, true)",
       })
    same(shown(call));
}

TEST_F(Patterns, Iterates) {
  for (const char* const loop : {
           "for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end",
           "for w in ('one two  three'):gmatch('%a+') do t[#t + 1] = w end",
           "for w in ('abc'):gmatch('') do t[#t + 1] = '[' .. w .. ']' end",
           "for p in ('abc'):gmatch('()') do t[#t + 1] = p end",
           "for w in ('aXbX'):gmatch('(.-)X') do t[#t + 1] = w end",
           "for w in ('a,b,c'):gmatch('[^,]*') do t[#t + 1] = '<' .. w .. '>' end",
       })
    same(std::string("local t = {} ") + loop + " return table.concat(t, '|')");
}

TEST_F(Patterns, Malformed) {
  for (const char* const call : {
           "('a'):find('[a')",
           "('a'):find('%')",
           "('a'):find('(a')",
           "('a'):find('a)')",
           "('a'):find('%1')",
           "('a'):find('(a%1)')",
           "('a'):find('%f')",
           "('a'):find('%bx')",
           "('a'):match('[%')",
           "('a'):match('[]')",
           "('a'):match('[^]')",
           "('a'):gsub('a', '%2')",
           "('a'):gsub('a', true)",
           "('a'):gsub('a', function() return {} end)",
           "('a'):gsub()",
           "('a'):find(nil)",
           "('a'):match(('()'):rep(33))",
           "('a'):gmatch('(')()",
       }) {
    const std::string text = shown(call);
    EXPECT_EQ(ours(text).substr(0, 6), library(text).substr(0, 6)) << text;
  }
}

TEST_F(Patterns, TooManyLevelsAreAnError) {
  EXPECT_THAT(ours("return (('x'):rep(300)):match(('x?'):rep(300))"),
              ::testing::HasSubstr("pattern too complex"));
}

// Random patterns and texts of few letters, so that they often match.
TEST_F(Patterns, RandomOnesAgree) {
  std::mt19937 random(20);
  constexpr std::array kItems = {
      "a", "b", "c",    ".",      "%a", "%w", "%d",    "[ab]", "[^a]",  "x",    "[a-]", "()", "%1",
      "^", "$", "%b()", "%f[%a]", "(",  ")",  "[^%a]", "%s",   "[%w_]", "[]a]", "1",    " "};
  constexpr std::array kSuffixes = {"", "", "", "*", "+", "-", "?"};
  constexpr std::string_view kLetters = "aabbc1x() ";
  const auto below = [&](std::size_t bound) { return random() % bound; };
  int matched = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string pattern;
    for (std::size_t i = 0, n = 1 + below(5); i < n; ++i) {
      pattern += kItems[below(kItems.size())];
      pattern += kSuffixes[below(kSuffixes.size())];
    }
    std::string text;
    for (std::size_t i = 0, n = below(12); i < n; ++i) text += kLetters[below(kLetters.size())];
    static constexpr std::array kCalls = {"('%'):find('$')", "('%'):match('$')",
                                          "('%'):gsub('$', '<@0>')", "('%'):find('$', 3)"};
    std::string call = kCalls[below(kCalls.size())];
    call.replace(call.find('%'), 1, text);
    call.replace(call.find('$'), 1, pattern);
    if (const auto at = call.find('@'); at != std::string::npos) call[at] = '%';
    const std::string code = shown(call);
    const std::string expected = library(code);
    if (expected.starts_with("error: ")) {
      // The texts of errors are ours; that it is one is not. Which of two is found first depends on
      // the order of the work.
      EXPECT_TRUE(ours(code).starts_with("error: ")) << call << "\n" << expected;
    } else {
      EXPECT_EQ(ours(code), expected) << call;
      if (expected != "nil") ++matched;
    }
  }
  EXPECT_GT(matched, 2000);
}

}  // namespace
}  // namespace weir::lua
