// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/route_table.hpp"

#include <gtest/gtest.h>

#include "proxy/route/regex.hpp"
#include "tests/unit/route/request.hpp"

namespace weir::route {
namespace {

using testing::get;
using testing::Lines;
using testing::Message;
using Path = RouteMatch::Path;

VirtualHost host(std::string name, std::vector<std::string> domains,
                 std::vector<Route> routes = {}) {
  VirtualHost out;
  out.name = std::move(name);
  out.domains = std::move(domains);
  out.routes = std::move(routes);
  return out;
}

std::shared_ptr<const RouteConfig> config(std::vector<VirtualHost> hosts,
                                          bool ignore_port = false) {
  auto out = std::make_shared<RouteConfig>();
  out->name = "r";
  out->virtual_hosts = std::move(hosts);
  out->ignore_port_in_host_matching = ignore_port;
  return out;
}

std::shared_ptr<const RouteTable> table(std::vector<VirtualHost> hosts, bool ignore_port = false) {
  auto built = RouteTable::build(config(std::move(hosts), ignore_port));
  EXPECT_TRUE(built);
  return *built;
}

std::string found(const RouteTable& table, std::string_view authority) {
  const VirtualHost* const host = table.find_host(authority);
  return host == nullptr ? "none" : host->name;
}

TEST(FindHost, Precedence) {
  const auto hosts = table({
      host("any", {"*"}),
      host("prefix", {"www.*"}),
      host("longer prefix", {"www.foo.*"}),
      host("suffix", {"*.com"}),
      host("longer suffix", {"*.foo.com"}),
      host("dash", {"*-bar.foo.com"}),
      host("exact", {"www.foo.com"}),
      host("port", {"www.foo.com:8080"}),
  });
  const struct {
    const char* authority;
    const char* name;
  } rows[] = {
      {"www.foo.com", "exact"},
      {"WWW.Foo.com", "exact"},
      {"www.foo.com:8080", "port"},
      {"www.foo.com:8081", "longer prefix"},  // the port counts, and a suffix must match to the end
      {"x.foo.com", "longer suffix"},
      {"x-bar.foo.com", "dash"},
      {"-bar.foo.com", "longer suffix"},  // a wildcard stands for at least one character
      {".foo.com", "suffix"},
      {"foo.com", "suffix"},
      {".com", "any"},
      {"www.foo.org", "longer prefix"},
      {"www.bar.org", "prefix"},
      {"www.bar.com", "suffix"},  // before prefixes
      {"www.", "any"},
      {"", "any"},
      {"other", "any"},
      {"[2001:db8::1]:80", "any"},
  };
  for (const auto& row : rows) EXPECT_EQ(found(*hosts, row.authority), row.name) << row.authority;
}

TEST(FindHost, WithoutAny) {
  const auto hosts = table({host("a", {"a.example.com", "b.example.com"}), host("e", {""})});
  EXPECT_EQ(found(*hosts, "b.example.com"), "a");
  EXPECT_EQ(found(*hosts, "c.example.com"), "none");
  EXPECT_EQ(found(*hosts, ""), "e");
  EXPECT_EQ(found(*table({}), "a"), "none");
}

TEST(FindHost, OnlyAny) {
  const auto hosts = table({host("any", {"*"})});
  EXPECT_EQ(found(*hosts, "whatever"), "any");
  EXPECT_EQ(found(*hosts, ""), "any");
}

TEST(FindHost, IgnoringThePort) {
  const auto hosts = table(
      {host("name", {"foo.com"}), host("v6", {"[2001:db8::1]"}), host("odd", {"foo.com:x"})}, true);
  EXPECT_EQ(found(*hosts, "foo.com:8080"), "name");
  EXPECT_EQ(found(*hosts, "FOO.com:8080"), "name");
  EXPECT_EQ(found(*hosts, "foo.com"), "name");
  EXPECT_EQ(found(*hosts, "foo.com:x"), "name");
  EXPECT_EQ(found(*hosts, "[2001:DB8::1]:443"), "v6");
  EXPECT_EQ(found(*hosts, "[2001:db8::1]"), "v6");
}

TEST(FindHost, VeryLongNames) {
  std::string name(1000, 'a');
  const auto hosts = table({host("long", {name})});
  for (char& c : name) c = 'A';
  EXPECT_EQ(found(*hosts, name), "long");
}

TEST(Build, DuplicateDomains) {
  const auto error = [](std::vector<VirtualHost> hosts) {
    const auto built = RouteTable::build(config(std::move(hosts)));
    return built ? "" : built.error().message;
  };
  const std::string duplicate =
      "Only unique values for domains are permitted. Duplicate entry of domain ";
  EXPECT_EQ(error({host("a", {"x.com"}), host("b", {"x.com"})}), duplicate + "x.com in route r");
  EXPECT_EQ(error({host("a", {"*.x.com", "*.x.com"})}), duplicate + "*.x.com in route r");
  EXPECT_EQ(error({host("a", {"x.*"}), host("b", {"x.*"})}), duplicate + "x.* in route r");
  EXPECT_EQ(error({host("a", {"*"}), host("b", {"*"})}),
            "Only a single wildcard domain is permitted in route r");
  EXPECT_EQ(error({host("a", {"x", "*x", "x*", "*"})}), "");
}

Route route(std::string name, Path kind, std::string path, bool case_sensitive = true) {
  Route out;
  out.name = std::move(name);
  out.match.kind = kind;
  out.match.path = std::move(path);
  out.match.case_sensitive = case_sensitive;
  if (kind == Path::regex) out.match.regex = *compile_regex(out.match.path);
  return out;
}

std::string found(const std::vector<Route>& routes, const Message& message,
                  std::uint64_t random = 0) {
  const auto hosts = table({host("h", {"*"}, routes)});
  const Route* const route =
      hosts->find_route(*hosts->find_host("example.com"), message.headers, random);
  return route == nullptr ? "none" : route->name;
}

struct PathRow {
  Path kind;
  const char* pattern;
  const char* path;
  bool matches;
  bool case_sensitive = true;
};

TEST(FindRoute, Paths) {
  const PathRow rows[] = {
      {Path::prefix, "/", "/", true},
      {Path::prefix, "/", "/a?b", true},
      {Path::prefix, "/", "*", false},
      {Path::prefix, "", "/a", true},
      {Path::prefix, "/a", "/ab", true},
      {Path::prefix, "/a", "/A", false},
      {Path::prefix, "/a", "/A", true, false},
      {Path::prefix, "/a/", "/a", false},
      {Path::prefix, "/a/", "/a?/", false},
      {Path::prefix, "/a?b", "/a?b", false},  // never into the query
      {Path::prefix, "/a#b", "/a#b", false},
      {Path::exact, "/a", "/a", true},
      {Path::exact, "/a", "/a?b=c", true},
      {Path::exact, "/a", "/a#f", true},
      {Path::exact, "/a", "/a/", false},
      {Path::exact, "/a", "/A", false},
      {Path::exact, "/a", "/A", true, false},
      {Path::exact, "/a", "/AB", false, false},
      {Path::exact, "/a?b", "/a?b", false},
      {Path::separated_prefix, "/a", "/a", true},
      {Path::separated_prefix, "/a", "/a/", true},
      {Path::separated_prefix, "/a", "/a/b", true},
      {Path::separated_prefix, "/a", "/a?b", true},
      {Path::separated_prefix, "/a", "/a#b", true},
      {Path::separated_prefix, "/a", "/ab", false},
      {Path::separated_prefix, "/a", "/A/b", false},
      {Path::separated_prefix, "/a", "/A/b", true, false},
      {Path::separated_prefix, "/a/b", "/a", false},
      {Path::regex, "/a.*", "/abc", true},
      {Path::regex, "/a", "/abc", false},
      {Path::regex, "/a", "/a?query", true},
      {Path::regex, "/a\\?query", "/a?query", false},
      {Path::regex, "/A", "/a", false, false},  // case_sensitive is not for expressions
      {Path::connect, "", "/", false},
  };
  for (const PathRow& row : rows)
    EXPECT_EQ(found({route("yes", row.kind, row.pattern, row.case_sensitive)}, get(row.path)),
              row.matches ? "yes" : "none")
        << row.pattern << " " << row.path;
}

TEST(FindRoute, TheFirstThatMatches) {
  const std::vector<Route> routes{route("exact", Path::exact, "/a"), route("a", Path::prefix, "/a"),
                                  route("any", Path::prefix, "/"),
                                  route("never", Path::prefix, "/b")};
  EXPECT_EQ(found(routes, get("/a")), "exact");
  EXPECT_EQ(found(routes, get("/a/b")), "a");
  EXPECT_EQ(found(routes, get("/b")), "any");
  EXPECT_EQ(found({}, get("/")), "none");
}

TEST(FindRoute, Connect) {
  const std::vector<Route> routes{route("prefix", Path::prefix, ""),
                                  route("connect", Path::connect, "")};
  EXPECT_EQ(found(routes, Message({{":method", "CONNECT"}, {":authority", "a:80"}})), "connect");
  EXPECT_EQ(found(routes, Message(Lines{{":method", "GET"}})), "none");
  EXPECT_EQ(found(routes, get("/")), "prefix");
}

TEST(FindRoute, Headers) {
  Route with = route("with", Path::prefix, "/");
  with.match.headers.push_back(
      {"x-user", HeaderMatcher::Kind::string, {StringMatcher::Kind::exact, "a", false, nullptr}});
  Route method = route("method", Path::prefix, "/");
  method.match.headers.push_back({":method",
                                  HeaderMatcher::Kind::string,
                                  {StringMatcher::Kind::exact, "POST", false, nullptr}});
  const std::vector<Route> routes{with, method, route("other", Path::prefix, "/")};
  EXPECT_EQ(found(routes, get("/", {{"x-user", "a"}})), "with");
  EXPECT_EQ(found(routes, get("/", {{"x-user", "b"}})), "other");
  EXPECT_EQ(found(routes, Message({{":method", "POST"}, {":path", "/"}})), "method");
}

TEST(FindRoute, Query) {
  Route with = route("with", Path::exact, "/");
  with.match.query.push_back({"debug", QueryParameterMatcher::Kind::present, {}});
  with.match.query.push_back({"v",
                              QueryParameterMatcher::Kind::string,
                              {StringMatcher::Kind::prefix, "1", false, nullptr}});
  const std::vector<Route> routes{with, route("other", Path::prefix, "/")};
  EXPECT_EQ(found(routes, get("/?debug&v=12")), "with");
  EXPECT_EQ(found(routes, get("/?v=12&debug=1#v=2")), "with");
  EXPECT_EQ(found(routes, get("/?debug&v=2")), "other");
  EXPECT_EQ(found(routes, get("/#?debug&v=1")), "other");
  EXPECT_EQ(found(routes, get("/")), "other");
}

TEST(FindRoute, Grpc) {
  Route grpc = route("grpc", Path::prefix, "/");
  grpc.match.grpc = true;
  const std::vector<Route> routes{grpc, route("other", Path::prefix, "/")};
  const auto of = [&](std::string_view type) {
    return found(routes, get("/", {{"content-type", type}}));
  };
  EXPECT_EQ(of("application/grpc"), "grpc");
  EXPECT_EQ(of("application/grpc+proto"), "grpc");
  EXPECT_EQ(of("application/grpc-web"), "other");
  EXPECT_EQ(of("application/grp"), "other");
  EXPECT_EQ(found(routes, get("/")), "other");
}

TEST(FindRoute, Fractions) {
  Route some = route("some", Path::prefix, "/");
  some.match.fraction = Fraction{25, 100};
  const std::vector<Route> routes{some, route("other", Path::prefix, "/")};
  int chosen = 0;
  for (std::uint64_t random = 0; random < 1000; ++random)
    chosen += found(routes, get("/"), random) == "some" ? 1 : 0;
  EXPECT_EQ(chosen, 250);
  EXPECT_EQ(found(routes, get("/"), 24), "some");
  EXPECT_EQ(found(routes, get("/"), 25), "other");
}

TEST(Clusters, NamesOnceEach) {
  Route one = route("one", Path::prefix, "/");
  ForwardAction single;
  single.cluster = "a";
  one.action = single;
  Route two = route("two", Path::prefix, "/");
  ForwardAction several;
  several.weighted.resize(3);
  several.weighted[0].name = "b";
  several.weighted[1].name = "a";
  several.weighted[2].cluster_header = "x-cluster";
  two.action = several;
  Route three = route("three", Path::prefix, "/");
  three.action = RedirectAction{};
  RouteConfig routes;
  routes.virtual_hosts = {host("h", {"*"}, {one, two, three}), host("i", {"i"}, {one})};
  EXPECT_EQ(routes.cluster_names(), (std::vector<std::string>{"a", "b"}));
  const auto none = [](const std::string&) { return false; };
  EXPECT_EQ(routes.check_clusters(none),
            (std::vector<std::string>{"route: unknown cluster 'a'",
                                      "route: unknown weighted cluster 'b'"}));
  EXPECT_TRUE(routes.check_clusters([](const std::string&) { return true; }).empty());
  routes.validate_clusters = false;
  EXPECT_TRUE(routes.check_clusters(none).empty());
}

}  // namespace
}  // namespace weir::route
