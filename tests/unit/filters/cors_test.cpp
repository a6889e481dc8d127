// SPDX-License-Identifier: Apache-2.0
// The cors filter, against what Envoy 1.40 answers.
#include "proxy/filters/http/cors/cors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/filters/http/cors/cors_config.hpp"
#include "tests/unit/filters/fake_http_host.hpp"

namespace weir::filters {
namespace {

using route::StringMatcher;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kName = "envoy.filters.http.cors";
const HeaderPairs kPreflight{{"access-control-request-method", "DELETE"},
                             {"access-control-request-headers", "x-q"}};

struct Cors : testing::Test {
  Cors() {
    forwarding.action = route::ForwardAction{};
    policy.allow_origins = {text_is("http://a.example")};
    policy.allow_methods = "GET,POST";
    policy.allow_headers = "x-a";
    policy.expose_headers = "x-b";
    policy.max_age = "60";
    policy.allow_credentials = true;
    policy.allow_private_network_access = true;
  }

  /// A stream with `method` from `origin` under the policies, the least specific first.
  FakeHttpStream& run(const std::string& method, const std::string& origin,
                      const HeaderPairs& more = {}) {
    stream = std::make_unique<FakeHttpStream>(host.worker);
    stream->chosen_route = &forwarding;
    stream->route_filters[kName] = levels;
    EXPECT_TRUE(stream->use(*instance));
    HeaderPairs pairs{{":method", method}, {":authority", "x"}, {":path", "/"}};
    if (!origin.empty()) pairs.emplace_back("origin", origin);
    pairs.insert(pairs.end(), more.begin(), more.end());
    stream->send_request(pairs);
    return *stream;
  }
  FakeHttpStream& preflight(const std::string& origin, const HeaderPairs& more = {}) {
    HeaderPairs pairs = kPreflight;
    pairs.insert(pairs.end(), more.begin(), more.end());
    return run("OPTIONS", origin, pairs);
  }
  /// Headers of the answer of an upstream, or of ours.
  HeaderPairs answer(const HeaderPairs& more = {}) {
    if (!stream->replied) {
      HeaderPairs pairs{{":status", "200"}};
      pairs.insert(pairs.end(), more.begin(), more.end());
      stream->send_response(pairs);
    }
    HeaderPairs pairs = header_pairs(*stream->response.headers);
    pairs.erase(pairs.begin());  // :status
    return pairs;
  }
  std::pair<std::uint64_t, std::uint64_t> counted() {
    return {host.counter("cors.origin_valid"), host.counter("cors.origin_invalid")};
  }

  FakeHttpHost host;
  CorsFactory factory;
  std::unique_ptr<HttpFilterInstance> instance = host.instantiate(factory, kName);
  route::Route forwarding;
  CorsPolicy policy;
  std::vector<const config::RouteFilterConfig*> levels{&policy};
  std::unique_ptr<FakeHttpStream> stream;
};

TEST_F(Cors, RequestsPassAndTheirAnswersMayBeRead) {
  EXPECT_TRUE(run("GET", "http://a.example").request.ended);
  EXPECT_THAT(answer(), ElementsAre(Pair("access-control-allow-origin", "http://a.example"),
                                    Pair("access-control-allow-credentials", "true"),
                                    Pair("access-control-expose-headers", "x-b")));
  EXPECT_EQ(counted(), std::pair(1ul, 0ul));
}

TEST_F(Cors, WhatTheUpstreamSaysIsReplaced) {
  run("GET", "http://a.example");
  EXPECT_THAT(answer({{"access-control-allow-origin", "up"}, {"x", "y"}}),
              ElementsAre(Pair("access-control-allow-origin", "http://a.example"), Pair("x", "y"),
                          Pair("access-control-allow-credentials", "true"),
                          Pair("access-control-expose-headers", "x-b")));
}

TEST_F(Cors, OtherOriginsPassAndGetNothing) {
  EXPECT_TRUE(run("GET", "http://bad").request.ended);
  EXPECT_THAT(answer(), IsEmpty());
  EXPECT_EQ(counted(), std::pair(0ul, 1ul));
}

TEST_F(Cors, WithoutOriginNothingHappens) {
  EXPECT_TRUE(run("OPTIONS", "", kPreflight).request.ended);
  EXPECT_THAT(answer(), IsEmpty());
  EXPECT_EQ(counted(), std::pair(0ul, 0ul));
}

TEST_F(Cors, SeveralOriginsAreOneText) {
  EXPECT_TRUE(run("GET", "http://a.example", {{"origin", "http://b"}}).request.ended);
  EXPECT_EQ(counted(), std::pair(0ul, 1ul));
}

TEST_F(Cors, PreflightsAreAnswered) {
  preflight("http://a.example", {{"access-control-request-private-network", "true"}});
  ASSERT_TRUE(stream->replied);
  EXPECT_EQ(stream->replied->status, 200);
  EXPECT_EQ(stream->replied->body, "");
  EXPECT_EQ(stream->details, "cors_response");
  EXPECT_FALSE(stream->request.headers_passed);
  EXPECT_THAT(answer(), ElementsAre(Pair("access-control-allow-origin", "http://a.example"),
                                    Pair("access-control-allow-credentials", "true"),
                                    Pair("access-control-allow-methods", "GET,POST"),
                                    Pair("access-control-allow-headers", "x-a"),
                                    Pair("access-control-max-age", "60"),
                                    Pair("access-control-allow-private-network", "true"),
                                    Pair("access-control-expose-headers", "x-b")));
}

TEST_F(Cors, AStarAllowsWhatIsAskedFor) {
  CorsPolicy all;
  all.allow_origins = {text_is("*")};
  all.allow_methods = all.allow_headers = "*";
  levels = {&all};
  preflight("http://any");
  EXPECT_THAT(answer(), ElementsAre(Pair("access-control-allow-origin", "http://any"),
                                    Pair("access-control-allow-methods", "DELETE"),
                                    Pair("access-control-allow-headers", "x-q")));
}

TEST_F(Cors, PreflightsOfOtherOriginsAreForwardedUnlessConfiguredOtherwise) {
  EXPECT_TRUE(preflight("http://bad").request.ended);
  policy.forward_not_matching_preflights = false;
  policy.allow_credentials.reset();
  preflight("http://bad");
  ASSERT_TRUE(stream->replied);
  EXPECT_THAT(answer(), ElementsAre(Pair("access-control-allow-methods", "GET,POST"),
                                    Pair("access-control-allow-headers", "x-a"),
                                    Pair("access-control-max-age", "60")));
  EXPECT_EQ(counted(), std::pair(0ul, 2ul));
}

TEST_F(Cors, OptionsWithoutARequestedMethodIsAnOrdinaryRequest) {
  EXPECT_TRUE(run("OPTIONS", "http://a.example").request.ended);
  EXPECT_EQ(answer().size(), 3u);
}

TEST_F(Cors, ALevelSaysWhatTheMoreSpecificOneLeavesOpen) {
  CorsPolicy of_route;
  of_route.max_age = "7";
  levels = {&policy, &of_route};
  preflight("http://a.example");
  ASSERT_TRUE(stream->replied);
  EXPECT_EQ(header_of(stream->response.headers.get(), "access-control-max-age"), "7");
  EXPECT_EQ(header_of(stream->response.headers.get(), "access-control-allow-methods"), "GET,POST");
}

TEST_F(Cors, ShadowedPoliciesOnlyCount) {
  policy.enabled = {0, 100};
  policy.shadow_enabled = {100, 100};
  EXPECT_TRUE(preflight("http://a.example").request.ended);
  EXPECT_THAT(answer(), IsEmpty());
  EXPECT_TRUE(run("GET", "http://bad").request.ended);
  EXPECT_EQ(counted(), std::pair(1ul, 1ul));
}

TEST_F(Cors, DisabledPoliciesDoNothing) {
  policy.enabled = {0, 100};
  EXPECT_TRUE(preflight("http://a.example").request.ended);
  EXPECT_EQ(counted(), std::pair(0ul, 0ul));
}

TEST_F(Cors, OnlyForwardedRequestsHaveAPolicy) {
  forwarding.action = route::DirectResponse{};
  EXPECT_TRUE(preflight("http://a.example").request.ended);
  EXPECT_THAT(answer(), IsEmpty());
  forwarding.action = route::RedirectAction{};
  EXPECT_TRUE(preflight("http://a.example").request.ended);
  EXPECT_EQ(counted(), std::pair(0ul, 0ul));
}

TEST_F(Cors, AnotherFiltersConfigurationIsPassedOver) {
  struct Other final : config::RouteFilterConfig {
  } other;
  levels = {&other};
  EXPECT_TRUE(preflight("http://a.example").request.ended);
  levels = {&policy, &other};
  preflight("http://a.example");
  EXPECT_TRUE(stream->replied);
}

TEST_F(Cors, WithoutRouteNothingHappens) {
  stream = std::make_unique<FakeHttpStream>(host.worker);
  ASSERT_TRUE(stream->use(*instance));
  stream->send_request({{":method", "GET"}, {":path", "/"}, {"origin", "http://a.example"}});
  EXPECT_TRUE(stream->request.ended);
}

}  // namespace
}  // namespace weir::filters
