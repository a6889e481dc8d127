// SPDX-License-Identifier: Apache-2.0
// Configurations of the Lua filter that are accepted and refused.
#include "proxy/filters/http/lua/lua_config.hpp"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envoy/extensions/filters/http/lua/v3/lua.pb.h"
#include "proxy/config/yaml_to_proto.hpp"
#include "proxy/filters/builtin.hpp"

namespace weir::filters {
namespace {

using ::testing::HasSubstr;
namespace proto = envoy::extensions::filters::http::lua::v3;

/// A message from YAML, what it becomes, and all that was reported.
template <class Proto, class Parse>
auto parse(const std::string& text, std::string& problems, Parse&& from_proto) {
  config::Diagnostics diagnostics;
  const auto document = config::parse_document("f.yaml", text, diagnostics);
  Proto message;
  config::yaml_to_proto(*document, config::Dialect::strict, message, diagnostics);
  config::SourceMap sources;
  sources.add(document);
  auto result = from_proto(message, config::ParseContext(diagnostics, sources));
  problems = diagnostics.to_string(config::Severity::error);
  return result;
}
LuaConfig parse_lua(const std::string& text, std::string& problems) {
  return parse<proto::Lua>(text, problems, lua_from_proto);
}
std::shared_ptr<const LuaRouteConfig> parse_route(const std::string& text, std::string& problems) {
  return parse<proto::LuaPerRoute>(text, problems, lua_route_from_proto);
}

TEST(LuaConfig, TakesAllThatThereIs) {
  const std::string path = ::testing::TempDir() + "weir_lua_config_test.lua";
  std::ofstream(path) << "function envoy_on_request(handle) end\n";
  std::string problems;
  const LuaConfig config = parse_lua(
      "default_source_code:\n  inline_string: |\n    function envoy_on_request(handle) end\n"
      "source_codes:\n  a.lua: { inline_string: 'x = 1' }\n  b.lua: { filename: '" +
          path +
          "' }\n"
          "stat_prefix: mine\nclear_route_cache: false\n",
      problems);
  EXPECT_EQ(problems, "");
  ASSERT_NE(config.script, nullptr);
  EXPECT_EQ(config.script->text, "function envoy_on_request(handle) end\n");
  EXPECT_EQ(config.named.at("a.lua")->text, "x = 1");
  EXPECT_EQ(config.named.at("b.lua")->name, path);
  EXPECT_EQ(config.stat_prefix, "mine");
  EXPECT_FALSE(config.clear_route_cache);
}

TEST(LuaConfig, Defaults) {
  std::string problems;
  const LuaConfig config = parse_lua("inline_code: ''", problems);
  EXPECT_EQ(problems, "");
  EXPECT_EQ(config.script, nullptr);
  EXPECT_TRUE(config.named.empty());
  EXPECT_TRUE(config.clear_route_cache);
  const LuaConfig old = parse_lua("inline_code: 'x = 1'", problems);
  EXPECT_EQ(problems, "");
  ASSERT_NE(old.script, nullptr);
}

TEST(LuaConfig, ScriptsSeeWhatTheyWillSee) {
  std::string problems;
  parse_lua(
      "inline_code: |\n  local r = EnvoyTimestampResolution.MICROSECOND\n"
      "  local text = ('x'):rep(10):gsub('x', 'y')\n  print(text, r)",
      problems);
  EXPECT_EQ(problems, "");
}

struct Refused {
  const char* name;
  const char* text;
  const char* expected;
};
class LuaConfigRefuses : public ::testing::TestWithParam<Refused> {};
TEST_P(LuaConfigRefuses, WithPlaceAndReason) {
  std::string problems;
  parse_lua(GetParam().text, problems);
  EXPECT_THAT(problems, HasSubstr(GetParam().expected));
}
INSTANTIATE_TEST_SUITE_P(
    LuaConfig, LuaConfigRefuses,
    ::testing::Values(
        Refused{"Syntax", "default_source_code:\n  inline_string: |\n    x = 1\n    y = = 2\n",
                "f.yaml:1:1: default_source_code: script load error: default_source_code:2: "
                "unexpected symbol near '='"},
        Refused{"RunTime", "inline_code: 'nothing.x = 1'",
                "f.yaml:1:1: inline_code: script load error: inline_code:1: attempt to index "
                "global 'nothing' (a nil value)"},
        Refused{"Endless", "inline_code: 'while true do end'",
                "script load error: inline_code:1: script stopped: it ran"},
        Refused{"Bomb", "inline_code: \"local s = 'x' while true do s = s .. s end\"",
                "script load error: not enough memory"},
        Refused{"Io", "inline_code: \"io.open('/etc/passwd')\"",
                "attempt to index global 'io' (a nil value)"},
        Refused{"Bytecode", "default_source_code: { inline_bytes: G0xKAgE= }",
                "attempt to load chunk with wrong mode"},
        Refused{"Both", "inline_code: 'x = 1'\ndefault_source_code: { inline_string: 'x = 1' }",
                "Only one of `inline_code` or `default_source_code` can be set"},
        Refused{"Named",
                "source_codes:\n  one.lua: { inline_string: 'x = 1' }\n  two.lua: { "
                "inline_string: '(' }",
                "script load error: two.lua:1: unexpected symbol near '<eof>'"},
        Refused{"NoFile", "default_source_code: { filename: /nowhere/x.lua }", "/nowhere/x.lua"},
        Refused{"NoSource", "default_source_code: {}", "names no source"},
        Refused{"UnknownField", "inline_cod: x", "unknown field 'inline_cod'"}),
    [](const auto& case_of) { return case_of.param.name; });

TEST(LuaRouteConfig, TakesEachForm) {
  std::string problems;
  EXPECT_TRUE(parse_route("disabled: true", problems)->disabled);
  EXPECT_EQ(parse_route("name: other.lua", problems)->name, "other.lua");
  EXPECT_EQ(parse_route("source_code: { inline_string: 'x = 1' }", problems)->script->text,
            "x = 1");
  EXPECT_EQ(
      parse_route("filter_context: { key: [1, true, null, { a: 'b' }] }", problems)->filter_context,
      R"({"key":[1,true,null,{"a":"b"}]})");
  EXPECT_EQ(problems, "");
}

TEST(LuaRouteConfig, Refuses) {
  std::string problems;
  parse_route("disabled: false", problems);
  EXPECT_THAT(problems, HasSubstr("f.yaml:1:1: disabled: must be true"));
  parse_route("name: ''", problems);
  EXPECT_THAT(problems, HasSubstr("must have at least 1 character"));
  parse_route("source_code: { inline_string: 'x = ' }", problems);
  EXPECT_THAT(problems, HasSubstr("script load error: source_code:1: unexpected symbol"));
}

TEST(LuaRegistration, IsKnownByNameAndType) {
  config::Diagnostics diagnostics;
  const config::SourceMap sources;
  const config::ParseContext context(diagnostics, sources);
  const auto filter =
      builtin_filters().parse_http_filter("envoy.filters.http.lua", nullptr, context);
  ASSERT_NE(filter, nullptr);
  EXPECT_EQ(filter->name(), "envoy.filters.http.lua");
  EXPECT_FALSE(diagnostics.has_errors());
}

}  // namespace
}  // namespace weir::filters
