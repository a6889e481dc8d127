// SPDX-License-Identifier: Apache-2.0
// The rbac filter, against what Envoy 1.40 decides.
#include "proxy/filters/http/rbac/rbac.hpp"

#include <gtest/gtest.h>

#include "proxy/filters/http/rbac/evaluate.hpp"
#include "tests/unit/filters/fake_http_host.hpp"

namespace weir::filters {
namespace {

using Kind = RbacRule::Kind;
constexpr const char* kName = "envoy.filters.http.rbac";

RbacRule rule(Kind kind, std::vector<RbacRule> children = {}) {
  RbacRule made;
  made.kind = kind;
  made.children = std::move(children);
  return made;
}
RbacRule header(const std::string& name, const std::string& value) {
  RbacRule made = rule(Kind::header);
  made.header = header_is(name, value);
  return made;
}
RbacRule range(Kind kind, const char* text) {
  RbacRule made = rule(kind);
  made.range = *CidrRange::parse(text);
  return made;
}
RbacRule ports(std::uint32_t start, std::uint32_t end) {
  RbacRule made = rule(Kind::destination_port);
  made.port_start = start;
  made.port_end = end;
  return made;
}
RbacRule text(Kind kind, const std::string& value) {
  RbacRule made = rule(kind);
  made.text = text_is(value);
  return made;
}
RbacRule metadata(RbacMetadata::Kind kind, bool expected = true, bool invert = false) {
  RbacRule made = rule(Kind::metadata);
  made.metadata = {"space", "key", kind, text_is("value"), expected, invert};
  return made;
}

/// Whether one request is what a rule describes.
struct RbacRules_ : testing::Test {
  bool holds(const RbacRule& rule, const std::string& path = "/a", const HeaderPairs& more = {}) {
    HeaderPairs pairs{{":method", "GET"}, {":path", path}};
    pairs.insert(pairs.end(), more.begin(), more.end());
    stream.send_request(pairs);
    return matches(rule, stream);
  }
  FakeWorker worker;
  FakeHttpStream stream{worker};
};

TEST_F(RbacRules_, Sets) {
  const RbacRule yes = rule(Kind::any);
  const RbacRule no = rule(Kind::authenticated);
  EXPECT_TRUE(holds(yes));
  EXPECT_FALSE(holds(no));
  EXPECT_TRUE(holds(rule(Kind::all_of, {yes, yes})));
  EXPECT_FALSE(holds(rule(Kind::all_of, {yes, no})));
  EXPECT_TRUE(holds(rule(Kind::any_of, {no, yes})));
  EXPECT_FALSE(holds(rule(Kind::any_of, {no, no})));
  EXPECT_TRUE(holds(rule(Kind::none_of, {no})));
  EXPECT_FALSE(holds(rule(Kind::none_of, {yes})));
  EXPECT_TRUE(holds(rule(Kind::none_of, {rule(Kind::all_of, {yes, no})})));
}

TEST_F(RbacRules_, Headers) {
  EXPECT_TRUE(holds(header(":method", "GET")));
  EXPECT_TRUE(holds(header("x-a", "1"), "/", {{"x-a", "1"}}));
  EXPECT_FALSE(holds(header("x-a", "1")));
  // Nobody gets past a rule with a second line.
  EXPECT_TRUE(holds(header("x-a", "1"), "/", {{"x-a", "2"}, {"x-a", "1"}}));
  EXPECT_FALSE(holds(header("x-a", "1"), "/", {{"x-a", "2"}, {"x-a", "1,1"}}));
}

TEST_F(RbacRules_, PathsAreWithoutQueryAndFragment) {
  for (const char* path : {"/a", "/a?b=/c", "/a#b", "/a?", "/a#?"})
    EXPECT_TRUE(holds(text(Kind::url_path, "/a"), path)) << path;
  for (const char* path : {"/A", "/a/", "/a/?", "//a", "/b?/a"})
    EXPECT_FALSE(holds(text(Kind::url_path, "/a"), path)) << path;
  stream.send_request({{":method", "CONNECT"}});
  EXPECT_FALSE(matches(text(Kind::url_path, ""), stream));
}

TEST_F(RbacRules_, Destinations) {
  stream.info.destination.endpoint = *Endpoint::parse("203.0.113.9:8080");
  EXPECT_TRUE(holds(range(Kind::destination_ip, "203.0.113.0/24")));
  EXPECT_FALSE(holds(range(Kind::destination_ip, "198.51.100.0/24")));
  EXPECT_FALSE(holds(range(Kind::destination_ip, "::/0")));
  EXPECT_TRUE(holds(ports(8080, 8081)));
  EXPECT_TRUE(holds(ports(0, 65536)));
  EXPECT_FALSE(holds(ports(8081, 8082)));
  EXPECT_FALSE(holds(ports(8079, 8080)));
  stream.info.destination.endpoint = *Endpoint::parse("[::ffff:203.0.113.9]:8080");
  EXPECT_TRUE(holds(range(Kind::destination_ip, "203.0.113.0/24")));
  stream.info.destination.endpoint = *Endpoint::parse("[2001:db8::9]:8080");
  EXPECT_TRUE(holds(range(Kind::destination_ip, "2001:db8::/32")));
}

TEST_F(RbacRules_, TheClientAndItsSocketAreNotTheSame) {
  stream.info.peer.endpoint = *Endpoint::parse("198.51.100.7:1");
  stream.info.remote.endpoint = *Endpoint::parse("203.0.113.8:0");
  EXPECT_TRUE(holds(range(Kind::direct_remote_ip, "198.51.100.0/24")));
  EXPECT_FALSE(holds(range(Kind::direct_remote_ip, "203.0.113.0/24")));
  EXPECT_TRUE(holds(range(Kind::remote_ip, "203.0.113.0/24")));
  EXPECT_FALSE(holds(range(Kind::remote_ip, "198.51.100.0/24")));
}

TEST_F(RbacRules_, ServerNames) {
  stream.info.server_name = "a.example";
  EXPECT_TRUE(holds(text(Kind::server_name, "a.example")));
  EXPECT_FALSE(holds(text(Kind::server_name, "")));
  stream.info.server_name = "";
  EXPECT_TRUE(holds(text(Kind::server_name, "")));
}

TEST_F(RbacRules_, Metadata) {
  using M = RbacMetadata::Kind;
  for (const M kind : {M::string, M::boolean, M::present}) {
    EXPECT_FALSE(holds(metadata(kind)));
    EXPECT_FALSE(holds(metadata(kind, false)));
    EXPECT_TRUE(holds(metadata(kind, true, true)));
  }
  stream.notes.set("space", "key", "value");
  EXPECT_TRUE(holds(metadata(M::string)));
  EXPECT_FALSE(holds(metadata(M::string, true, true)));
  EXPECT_TRUE(holds(metadata(M::present)));
  EXPECT_FALSE(holds(metadata(M::present, false)));
  EXPECT_FALSE(holds(metadata(M::boolean)));
  stream.notes.set("space", "key", "false");
  EXPECT_TRUE(holds(metadata(M::boolean, false)));
  EXPECT_FALSE(holds(metadata(M::boolean)));
}

/// One policy that permits what has `name: value`.
RbacPolicy policy(const std::string& name, const RbacRule& permission,
                  const RbacRule& principal = rule(Kind::any)) {
  return {name, {permission}, {principal}};
}

struct Rbac : testing::Test {
  FakeHttpStream& run(const HeaderPairs& headers = {}) {
    factory = std::make_unique<RbacFactory>(settings);
    streams.clear();
    instance = host.instantiate(*factory, kName);
    auto stream = std::make_unique<FakeHttpStream>(host.worker);
    if (of_route) stream->route_filters[kName] = {of_route.get()};
    EXPECT_TRUE(stream->use(*instance));
    streams.push_back(std::move(stream));
    streams.back()->get("/", headers);
    return *streams.back();
  }
  std::string note(std::string_view key, std::string_view space = kName) {
    const std::string* const value = streams.back()->metadata(space, key);
    return value == nullptr ? "-" : *value;
  }

  FakeHttpHost host;
  RbacSettings settings;
  std::unique_ptr<RouteRbac> of_route;
  std::unique_ptr<RbacFactory> factory;
  std::unique_ptr<HttpFilterInstance> instance;
  std::vector<std::unique_ptr<FakeHttpStream>> streams;
};

TEST_F(Rbac, AllowsWhatAPolicyMatches) {
  settings.rules = RbacRules{RbacRules::Action::allow, {policy("my pol", header("x-ok", "1"))}};
  EXPECT_TRUE(run({{"x-ok", "1"}}).request.ended);
  EXPECT_EQ(note("enforced_effective_policy_id"), "my pol");
  EXPECT_EQ(note("enforced_engine_result"), "allowed");

  const FakeHttpStream& denied = run();
  ASSERT_TRUE(denied.replied);
  EXPECT_EQ(denied.replied->status, 403);
  EXPECT_EQ(denied.replied->body, "RBAC: access denied");
  EXPECT_EQ(denied.details, "rbac_access_denied_matched_policy[none]");
  EXPECT_EQ(denied.flags.to_string(), "-");
  EXPECT_FALSE(denied.request.headers_passed);
  EXPECT_EQ(note("enforced_effective_policy_id"), "-");
  EXPECT_EQ(note("enforced_engine_result"), "denied");
  EXPECT_EQ(host.counter("rbac.allowed"), 1u);
  EXPECT_EQ(host.counter("rbac.denied"), 1u);
}

TEST_F(Rbac, DeniesWhatAPolicyMatches) {
  settings.rules =
      RbacRules{RbacRules::Action::deny, {policy("deny it\tnow", header("x-bad", "1"))}};
  EXPECT_TRUE(run().request.ended);
  EXPECT_EQ(run({{"x-bad", "1"}}).details, "rbac_access_denied_matched_policy[deny_it_now]");
  EXPECT_EQ(note("enforced_effective_policy_id"), "deny it\tnow");
}

TEST_F(Rbac, WithoutRulesEverythingPasses) {
  EXPECT_TRUE(run().request.ended);
  EXPECT_EQ(note("enforced_engine_result"), "-");
  EXPECT_EQ(host.counter("rbac.allowed"), 0u);
}

TEST_F(Rbac, EmptyRulesDenyOrAllowEverything) {
  settings.rules = RbacRules{RbacRules::Action::allow, {}};
  EXPECT_TRUE(run().replied);
  settings.rules = RbacRules{RbacRules::Action::deny, {}};
  EXPECT_TRUE(run().request.ended);
}

TEST_F(Rbac, BothPermissionAndPrincipal) {
  settings.rules = RbacRules{RbacRules::Action::allow,
                             {policy("a", header("x", "1"), rule(Kind::authenticated)),
                              policy("b", header("x", "1"), header("y", "1"))}};
  EXPECT_TRUE(run({{"x", "1"}}).replied);
  EXPECT_TRUE(run({{"y", "1"}}).replied);
  EXPECT_TRUE(run({{"x", "1"}, {"y", "1"}}).request.ended);
  EXPECT_EQ(note("enforced_effective_policy_id"), "b");
}

TEST_F(Rbac, LogsAndLetsPass) {
  settings.rules = RbacRules{RbacRules::Action::log, {policy("l", header("x-log", "1"))}};
  EXPECT_TRUE(run().request.ended);
  EXPECT_EQ(note("access_log_hint", "envoy.common"), "false");
  EXPECT_TRUE(run({{"x-log", "1"}}).request.ended);
  EXPECT_EQ(note("access_log_hint", "envoy.common"), "true");
  EXPECT_EQ(host.counter("rbac.allowed"), 2u);
}

TEST_F(Rbac, ShadowRulesOnlyTell) {
  settings.shadow_rules =
      RbacRules{RbacRules::Action::deny,
                {policy("a", header("x-sh", "1")), policy("b", header("x-sh", "1"))}};
  settings.shadow_stat_prefix = "shp_";
  EXPECT_TRUE(run({{"x-sh", "1"}}).request.ended);
  EXPECT_EQ(note("shp_shadow_effective_policy_id"), "a");
  EXPECT_EQ(note("shp_shadow_engine_result"), "denied");
  EXPECT_EQ(note("enforced_engine_result"), "-");
  EXPECT_TRUE(run().request.ended);
  EXPECT_EQ(note("shp_shadow_engine_result"), "allowed");
  EXPECT_EQ(host.counter("rbac.shp_.shadow_allowed"), 1u);
  EXPECT_EQ(host.counter("rbac.shp_.shadow_denied"), 1u);
}

TEST_F(Rbac, ARoutesSettingsReplaceTheFilters) {
  settings.rules = RbacRules{RbacRules::Action::allow, {}};
  settings.stat_prefix = "enf_";
  of_route = std::make_unique<RouteRbac>();
  EXPECT_TRUE(run().request.ended);  // without any rules
  EXPECT_EQ(note("enf_enforced_engine_result"), "-");
  of_route->settings.rules = RbacRules{RbacRules::Action::allow, {policy("l", rule(Kind::any))}};
  EXPECT_TRUE(run().request.ended);
  EXPECT_EQ(note("enf_enforced_effective_policy_id"), "l");
  of_route->settings.stat_prefix = "rr_";
  EXPECT_TRUE(run().request.ended);
  EXPECT_EQ(note("rr_enforced_effective_policy_id"), "l");
  EXPECT_EQ(note("enf_enforced_effective_policy_id"), "-");
  EXPECT_EQ(host.counter("rbac.enf_.allowed"), 2u);  // under the filter's prefix, as in Envoy
}

TEST_F(Rbac, AnotherFiltersConfigurationDoesNotOpenTheDoor) {
  struct Other final : config::RouteFilterConfig {
  } other;
  settings.rules = RbacRules{RbacRules::Action::allow, {}};
  factory = std::make_unique<RbacFactory>(settings);
  instance = host.instantiate(*factory, kName);
  FakeHttpStream stream(host.worker);
  stream.route_filters[kName] = {&other};
  ASSERT_TRUE(stream.use(*instance));
  stream.get();
  EXPECT_TRUE(stream.replied);
}

TEST_F(Rbac, CountsForEachPolicy) {
  route::RouteConfig routes;
  auto config = std::make_shared<RouteRbac>();
  config->settings.rules =
      RbacRules{RbacRules::Action::deny, {policy("of route", rule(Kind::any))}};
  config->settings.track_per_rule_stats = true;
  routes.virtual_hosts.emplace_back().routes.emplace_back().filters.push_back({kName, config});
  host.routes = &routes;
  settings.rules = RbacRules{RbacRules::Action::allow, {policy("my pol", header("x-ok", "1"))}};
  settings.shadow_rules = RbacRules{RbacRules::Action::deny, {policy("sh", rule(Kind::any))}};
  settings.stat_prefix = "enf";
  settings.track_per_rule_stats = true;
  run({{"x-ok", "1"}});
  run();
  EXPECT_EQ(host.counter("rbac.enf.policy.my pol.allowed"), 1u);
  EXPECT_EQ(host.counter("rbac.enf.policy.my pol.denied"), 0u);
  EXPECT_EQ(host.counter("rbac.policy.sh.shadow_denied"), 2u);

  FakeHttpStream stream(host.worker);
  stream.route_filters[kName] = {config.get()};
  ASSERT_TRUE(stream.use(*instance));
  stream.get();
  EXPECT_TRUE(stream.replied);
  EXPECT_EQ(host.counter("rbac.enf.policy.of route.denied"), 1u);
}

}  // namespace
}  // namespace weir::filters
