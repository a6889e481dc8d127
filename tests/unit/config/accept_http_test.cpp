// SPDX-License-Identifier: Apache-2.0
// What of HTTP is accepted with a warning.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

struct Row {
  const char* fields;
  const char* warning;
};

/// Without the one about the router, whose configuration these leave out.
std::string warnings_of(const std::string& text) {
  const Messages got = load(text);
  EXPECT_EQ(got.errors, "") << text;
  std::string out;
  std::size_t at = 0;
  while (at < got.warnings.size()) {
    const std::size_t end = std::min(got.warnings.find('\n', at), got.warnings.size());
    const std::string line = got.warnings.substr(at, end - at);
    if (line != kNoRouter) out += (out.empty() ? "" : "\n") + line;
    at = end + 1;
  }
  return out;
}

TEST(AcceptHttp, ARouterWithoutConfiguration) {
  const Messages got = load(hcm(""));
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(got.warnings, kNoRouter);
}

TEST(AcceptHttp, RoutesWithFieldsThatHaveNoEffect) {
  const std::string match = "                match: { prefix: / }\n";
  const Row rows[] = {
      {"route: { cluster: c, request_mirror_policies: [ { cluster: d } ] }",
       "19:38: route.request_mirror_policies: has no effect: requests are not mirrored"},
      {"route: { cluster: c, hash_policy: [ { header: { header_name: a } } ] }",
       "19:38: route.hash_policy: has no effect: no load balancing policy uses it"},
      {"route: { cluster: c, cors: {} }",
       "19:38: route.cors: has no effect: use typed_per_filter_config of the CORS filter"},
      {"route: { cluster: c, metadata_match: { filter_metadata: { envoy.lb: { v: a } } } }",
       "19:38: route.metadata_match: has no effect: hosts are not picked by metadata"},
      {"route: { cluster: c, retry_policy: { retry_on: \"5xx, nope,nor this\" } }",
       "19:54: route.retry_policy.retry_on: Unknown retry_on policy token(s) [nope, nor this] in "
       "retry_on config '5xx, nope,nor this'. These tokens will be silently ignored."},
      {"route: { cluster: c, retry_policy: { retriable_status_codes: [ 99, 503 ] } }",
       "19:80: route.retry_policy.retriable_status_codes[0]: '99': no response has such a status "
       "code"},
      {"route: { cluster: c, regex_rewrite: { pattern: { regex: a }, substitution: '\\1' } }",
       "19:78: route.regex_rewrite.substitution: substitution '\\1': Rewrite schema requests 1 "
       "matches, but the regexp only has 0 parenthesized subexpressions.; nothing will be "
       "rewritten"},
      {"route: { weighted_clusters: { total_weight: 100, clusters: [ { name: c, weight: 1 } ] } }",
       "19:47: route.weighted_clusters.total_weight: has no effect: the weights add up to 1"},
      {"route: { cluster: c }\n                tracing: {}",
       "20:17: tracing: has no effect: nothing is traced"},
      {"route: { cluster: c }\n                stat_prefix: a",
       "20:17: stat_prefix: has no effect"},
      {"route: { cluster: c }\n                per_request_buffer_limit_bytes: 1",
       "20:17: per_request_buffer_limit_bytes: has no effect: the listener's buffer limit counts"},
      {"route: { cluster: c }\n                metadata: {}", ""},
  };
  for (const Row& row : rows) {
    std::string got = warnings_of(one_route(match + "                " + row.fields + "\n"));
    if (const std::size_t at = got.find(kRoute); at != std::string::npos)
      got.erase(at, kRoute.size() + 1);
    EXPECT_EQ(got, row.warning);
  }
}

TEST(AcceptHttp, PathsThatNeverMatch) {
  EXPECT_EQ(warnings_of(one_route("                match: { path: \"/a?b\" }\n"
                                  "                route: { cluster: c }\n")),
            "18:26: " + kRoute +
                ".match.path: '/a?b': never matches: a path is compared without its query");
}

TEST(AcceptHttp, DomainsWithStarsInside) {
  EXPECT_EQ(warnings_of(hcm("", "[ { name: envoy.filters.http.router } ]",
                            "{ virtual_hosts: [ { name: v, domains: [ a*b, \"*\" ] } ] }")),
            "12:66: " + kHcm +
                ".route_config.virtual_hosts[0].domains[0]: 'a*b': a '*' stands for other "
                "characters only as the first or the last character");
}

TEST(AcceptHttp, TracingHasNoEffect) {
  EXPECT_EQ(warnings_of(hcm("          tracing: { provider: { name: envoy.tracers.zipkin, "
                            "typed_config: { \"@type\": type.googleapis.com/some.Tracer } }, "
                            "random_sampling: { value: 1 } }\n")),
            "13:11: " + kHcm + ".tracing: has no effect: nothing is traced");
}

TEST(AcceptHttp, OptionalFiltersAreLeftOut) {
  const std::string filters =
      "[ { name: a, is_optional: true, typed_config: { \"@type\": "
      "type.googleapis.com/some.Filter } }, { name: b, is_optional: true }, { name: "
      "envoy.filters.http.router, typed_config: { \"@type\": "
      "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ]";
  EXPECT_EQ(warnings_of(hcm("", filters)),
            "11:27: " + kHcm +
                ".http_filters[0]: filter 'a' is optional and left out: no filter is "
                "'type.googleapis.com/some.Filter'\n11:119: " +
                kHcm + ".http_filters[1]: filter 'b' is optional and left out: no filter is 'b'");
}

TEST(AcceptHttp, OptionalFiltersOfRoutesAreLeftOut) {
  EXPECT_EQ(
      warnings_of(one_route(
          "                match: { prefix: / }\n                route: { cluster: c }\n"
          "                typed_per_filter_config:\n                  envoy.filters.http.some: { "
          "\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, is_optional: true, "
          "config: { \"@type\": type.googleapis.com/some.Filter } }\n")),
      "21:130: " + kRoute +
          ".typed_per_filter_config.envoy.filters.http.some.config: filter "
          "'envoy.filters.http.some' is optional and left out: no filter takes "
          "'type.googleapis.com/some.Filter'");
}

TEST(AcceptHttp, ClustersMayBeMissingWhereTheConfigurationSaysSo) {
  const std::string routes =
      "{ validate_clusters: false, virtual_hosts: [ { name: v, domains: [ a ], routes: [ { match: "
      "{ prefix: / }, route: { cluster: missing } } ] } ] }";
  EXPECT_EQ(warnings_of(hcm("", "[ { name: envoy.filters.http.router } ]", routes)),
            "6:7: " + kListener +
                ".filter_chains[0]: listener 'l', filter chain '': cluster 'missing' does not "
                "exist; requests for it will be refused (NC)");
}

TEST(AcceptHttp, RegularExpressionsOfControlPlanesMayBeLarge) {
  EXPECT_EQ(warnings_of(one_route("                match: { safe_regex: { regex: \"[a-z]{300}\" } "
                                  "}\n                route: { cluster: c }\n")),
            "");
}

}  // namespace
}  // namespace weir::config::testing
