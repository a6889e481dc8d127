// SPDX-License-Identifier: Apache-2.0
// Paths after a rewrite, locations of redirects, and the words of retry policies.
#include <gtest/gtest.h>

#include "proxy/route/regex.hpp"
#include "proxy/route/route_table.hpp"

namespace weir::route {
namespace {

using Path = RouteMatch::Path;

RouteMatch match(Path kind, std::string path) {
  RouteMatch out;
  out.kind = kind;
  out.path = std::move(path);
  return out;
}

PathRewrite to_prefix(std::string prefix) { return {std::move(prefix), std::nullopt}; }

PathRewrite to_regex(const char* pattern, const char* substitution) {
  return {"", RegexRewrite{*compile_regex(pattern), substitution}};
}

TEST(RewrittenPath, Rows) {
  const struct {
    RouteMatch match;
    PathRewrite rewrite;
    const char* path;
    const char* expected;  // nullptr: as it was
  } rows[] = {
      {match(Path::prefix, "/api"), {}, "/api/x", nullptr},
      {match(Path::prefix, "/api"), to_prefix("/v1"), "/api/x?q=1", "/v1/x?q=1"},
      {match(Path::prefix, "/api/"), to_prefix("/"), "/api/x", "/x"},
      {match(Path::prefix, "/api"), to_prefix("/"), "/api/x", "//x"},  // as it is written
      {match(Path::prefix, "/api"), to_prefix("/v1"), "/API/x", "/v1/x"},
      {match(Path::prefix, "/"), to_prefix("/v1/"), "/x", "/v1/x"},
      {match(Path::prefix, ""), to_prefix("/v1"), "/x", "/v1/x"},
      {match(Path::exact, "/a"), to_prefix("/b"), "/a?q", "/b?q"},
      {match(Path::separated_prefix, "/a"), to_prefix("/b"), "/a/c?q", "/b/c?q"},
      {match(Path::regex, ""), to_prefix("/b"), "/a/c?q", "/b?q"},
      {match(Path::connect, ""), to_prefix("/b"), "/a?q", "/b?q"},
      {match(Path::prefix, "/"), to_regex("^/abc/(.*?)$", "/\\1.html"), "/abc/x?q=/abc/",
       "/x.html?q=/abc/"},
      {match(Path::prefix, "/"), to_regex("/(\\w+)/(\\w+)", "/\\2/\\1"), "/a/b/c/d", "/b/a/d/c"},
      {match(Path::prefix, "/"), to_regex("nothing", "x"), "/a?nothing", "/a?nothing"},
      {match(Path::prefix, "/"), to_regex("a", "b"), "/a#a", "/b#a"},
  };
  for (const auto& row : rows) {
    const auto got = rewritten_path(row.match, row.rewrite, row.path);
    EXPECT_EQ(got.value_or("as it was"), row.expected == nullptr ? "as it was" : row.expected)
        << row.path;
  }
}

struct RedirectRow {
  const char* what;
  void (*change)(RedirectAction&);
  const char* scheme;
  const char* authority;
  const char* path;
  const char* expected;
};

TEST(RedirectLocation, Rows) {
  const RedirectRow rows[] = {
      {"same", [](RedirectAction&) {}, "http", "a.com", "/p?q", "http://a.com/p?q"},
      {"https", [](RedirectAction& r) { r.https = true; }, "http", "a.com", "/", "https://a.com/"},
      {"default port goes", [](RedirectAction& r) { r.https = true; }, "http", "a.com:80", "/",
       "https://a.com/"},
      {"other port stays", [](RedirectAction& r) { r.https = true; }, "http", "a.com:8080", "/",
       "https://a.com:8080/"},
      {"same scheme keeps the port", [](RedirectAction&) {}, "http", "a.com:80", "/",
       "http://a.com:80/"},
      {"from https", [](RedirectAction& r) { r.scheme = "http"; }, "https", "a.com:443", "/",
       "http://a.com/"},
      {"443 on http stays", [](RedirectAction& r) { r.https = true; }, "http", "a.com:443", "/",
       "https://a.com:443/"},
      {"scheme", [](RedirectAction& r) { r.scheme = "ftp"; }, "http", "a.com", "/", "ftp://a.com/"},
      {"host", [](RedirectAction& r) { r.host = "b.com"; }, "http", "a.com:8080", "/p",
       "http://b.com/p"},
      {"port", [](RedirectAction& r) { r.port = 8443; }, "http", "a.com:8080", "/",
       "http://a.com:8443/"},
      {"port without one", [](RedirectAction& r) { r.port = 8443; }, "http", "a.com", "/",
       "http://a.com:8443/"},
      {"host and port",
       [](RedirectAction& r) {
         r.host = "b.com";
         r.port = 81;
       },
       "http", "a.com", "/", "http://b.com:81/"},
      {"v6 and default port", [](RedirectAction& r) { r.https = true; }, "http", "[2001:db8::1]:80",
       "/", "https://[2001:db8::1]/"},
      {"v6 without port", [](RedirectAction& r) { r.https = true; }, "http", "[2001:db8::80]", "/",
       "https://[2001:db8::80]/"},
      {"v6 and port", [](RedirectAction& r) { r.port = 1; }, "http", "[2001:db8::1]", "/",
       "http://[2001:db8::1]:1/"},
      {"path", [](RedirectAction& r) { r.path = "/new"; }, "http", "a", "/old?q", "http://a/new?q"},
      {"path without query", [](RedirectAction& r) { r.path = "/new"; }, "http", "a", "/old",
       "http://a/new"},
      {"path with a query", [](RedirectAction& r) { r.path = "/new?x"; }, "http", "a", "/old?q",
       "http://a/new?x"},
      {"path, stripped",
       [](RedirectAction& r) {
         r.path = "/new";
         r.strip_query = true;
       },
       "http", "a", "/old?q", "http://a/new"},
      {"path with a query, stripped",
       [](RedirectAction& r) {
         r.path = "/new?x";
         r.strip_query = true;
       },
       "http", "a", "/old?q", "http://a/new?x"},
      {"stripped", [](RedirectAction& r) { r.strip_query = true; }, "http", "a", "/old?q",
       "http://a/old"},
      {"prefix", [](RedirectAction& r) { r.rewrite = to_prefix("/new"); }, "http", "a", "/old/x?q",
       "http://a/new/x?q"},
      {"prefix, stripped",
       [](RedirectAction& r) {
         r.rewrite = to_prefix("/new");
         r.strip_query = true;
       },
       "http", "a", "/old/x?q", "http://a/new/x"},
      {"a path gets its slash", [](RedirectAction& r) { r.path = "new"; }, "http", "a", "/old",
       "http://a/new"},
      {"regex", [](RedirectAction& r) { r.rewrite = to_regex("/old/(.*)", "/\\1"); }, "http", "a",
       "/old/x?q", "http://a/x?q"},
  };
  for (const RedirectRow& row : rows) {
    RedirectAction redirect;
    row.change(redirect);
    EXPECT_EQ(redirect_location(redirect, match(Path::prefix, "/old"), row.scheme, row.authority,
                                row.path),
              row.expected)
        << row.what;
  }
}

TEST(RetryWords, Sets) {
  const auto bits = [](std::initializer_list<RetryOn> conditions) {
    std::uint32_t out = 0;
    for (const RetryOn condition : conditions) out |= static_cast<std::uint32_t>(condition);
    return out;
  };
  EXPECT_EQ(parse_retry_on("5xx"), bits({RetryOn::five_xx}));
  EXPECT_EQ(parse_retry_on("gateway-error,reset, connect-failure ,\trefused-stream"),
            bits({RetryOn::gateway_error, RetryOn::reset, RetryOn::connect_failure,
                  RetryOn::refused_stream}));
  EXPECT_EQ(
      parse_retry_on("reset-before-request,retriable-4xx,retriable-status-codes,"
                     "retriable-headers,envoy-ratelimited"),
      bits({RetryOn::reset_before_request, RetryOn::retriable_4xx, RetryOn::retriable_status_codes,
            RetryOn::retriable_headers, RetryOn::envoy_ratelimited}));
  EXPECT_EQ(parse_retry_on("cancelled,5XX,nope,,"), 0u);
  EXPECT_EQ(parse_retry_on(""), 0u);
  EXPECT_EQ(parse_retry_on(" , "), 0u);
  EXPECT_EQ(parse_retry_grpc_on("cancelled,deadline-exceeded,internal,resource-exhausted,"
                                "unavailable,5xx"),
            bits({RetryOn::grpc_cancelled, RetryOn::grpc_deadline_exceeded, RetryOn::grpc_internal,
                  RetryOn::grpc_resource_exhausted, RetryOn::grpc_unavailable}));
}

}  // namespace
}  // namespace weir::route
