// SPDX-License-Identifier: Apache-2.0
// The health_check filter, against what Envoy 1.40 answers.
#include "proxy/filters/http/health_check/health_check.hpp"

#include <gtest/gtest.h>

#include "tests/unit/filters/fake_http_host.hpp"

namespace weir::filters {
namespace {

using std::chrono::milliseconds;
constexpr const char* kName = "envoy.filters.http.health_check";

struct HealthCheck : testing::Test {
  HealthCheck() { settings.headers = {header_is(":path", "/hc")}; }

  FakeHttpStream& start() {
    if (factory == nullptr) {
      factory = std::make_unique<HealthCheckFactory>(settings);
      instance = host.instantiate(*factory, kName);
    }
    streams.push_back(std::make_unique<FakeHttpStream>(host.worker));
    streams.back()->health = health;
    EXPECT_TRUE(streams.back()->use(*instance));
    return *streams.back();
  }
  FakeHttpStream& get(const std::string& path) {
    FakeHttpStream& stream = start();
    stream.get(path);
    return stream;
  }
  FakeHttpStream& get_from_upstream(const std::string& path, const std::string& status,
                                    const HeaderPairs& more = {}) {
    FakeHttpStream& stream = get(path);
    EXPECT_TRUE(stream.request.ended);
    HeaderPairs pairs{{":status", status}};
    pairs.insert(pairs.end(), more.begin(), more.end());
    stream.send_response(pairs);
    return stream;
  }
  static std::string checked(const FakeHttpStream& stream) {
    return header_of(stream.response.headers.get(), "x-envoy-upstream-healthchecked-cluster");
  }
  static std::string failing(const FakeHttpStream& stream) {
    return header_of(stream.response.headers.get(), "x-envoy-immediate-health-check-fail");
  }

  FakeHttpHost host;
  HealthCheckSettings settings;
  std::map<std::string, ClusterHealth, std::less<>> health;
  std::unique_ptr<HealthCheckFactory> factory;
  std::unique_ptr<HttpFilterInstance> instance;
  std::vector<std::unique_ptr<FakeHttpStream>> streams;
};

TEST_F(HealthCheck, AnswersChecksAndNothingElse) {
  const FakeHttpStream& check = get("/hc");
  ASSERT_TRUE(check.replied);
  EXPECT_EQ(check.replied->status, 200);
  EXPECT_EQ(check.replied->body, "");
  EXPECT_EQ(check.details, "health_check_ok");
  EXPECT_EQ(check.flags.to_string(), "-");
  EXPECT_EQ(checked(check), "front");
  EXPECT_EQ(failing(check), "");
  EXPECT_TRUE(check.health_check);

  const FakeHttpStream& other = get_from_upstream("/x", "200");
  EXPECT_EQ(checked(other), "");
  EXPECT_FALSE(other.health_check);
  EXPECT_EQ(host.counter("health_check.request_total"), 1u);
  EXPECT_EQ(host.counter("health_check.ok"), 1u);
}

TEST_F(HealthCheck, WaitsForTheEndOfTheRequest) {
  FakeHttpStream& stream = start();
  stream.send_request({{":method", "POST"}, {":path", "/hc"}}, false);
  stream.send_request_data("abc");
  EXPECT_FALSE(stream.replied);
  stream.send_request_data("def", true);
  EXPECT_TRUE(stream.replied);
  EXPECT_FALSE(stream.request.headers_passed);

  FakeHttpStream& with_trailers = start();
  with_trailers.send_request({{":method", "POST"}, {":path", "/hc"}}, false);
  with_trailers.send_request_trailers({{"a", "b"}});
  EXPECT_TRUE(with_trailers.replied);
}

TEST_F(HealthCheck, FailsWhenTold) {
  host.health_check_failed = true;
  const FakeHttpStream& check = get("/hc");
  EXPECT_EQ(check.replied->status, 503);
  EXPECT_EQ(check.details, "health_check_failed");
  EXPECT_EQ(check.flags.to_string(), "LH");
  EXPECT_EQ(checked(check), "front");
  EXPECT_EQ(failing(check), "true");
  EXPECT_EQ(failing(get_from_upstream("/x", "200")), "true");
  EXPECT_EQ(host.counter("health_check.failed"), 1u);
  host.health_check_failed = false;
  EXPECT_EQ(get("/hc").replied->status, 200);
}

TEST_F(HealthCheck, PassesThrough) {
  settings.pass_through = true;
  const FakeHttpStream& check = get_from_upstream("/hc", "500");
  EXPECT_FALSE(check.replied);
  EXPECT_EQ(checked(check), "front");
  EXPECT_TRUE(check.health_check);
  EXPECT_EQ(host.counter("health_check.request_total"), 0u);
  host.health_check_failed = true;
  EXPECT_EQ(get("/hc").replied->status, 503);
}

TEST_F(HealthCheck, KeepsTheAnswerForAWhile) {
  settings.pass_through = true;
  settings.cache_time = milliseconds(1000);
  get_from_upstream("/x", "404");  // no check
  get_from_upstream("/hc", "200");
  host.worker.advance(milliseconds(990));
  EXPECT_EQ(get("/hc").replied->status, 200);
  EXPECT_EQ(streams.back()->details, "health_check_cached");
  EXPECT_EQ(checked(*streams.back()), "front");
  host.worker.advance(milliseconds(20));
  get_from_upstream("/hc", "500", {{"x-envoy-degraded", ""}});
  const FakeHttpStream& cached = get("/hc");
  EXPECT_EQ(cached.replied->status, 500);
  EXPECT_EQ(cached.flags.to_string(), "LH");
  EXPECT_NE(cached.response.headers->find("x-envoy-degraded"), nullptr);
  host.health_check_failed = true;
  EXPECT_EQ(get("/hc").replied->status, 503);
  host.health_check_failed = false;
  EXPECT_EQ(get("/hc").replied->status, 500);  // our own 503 was not the application's
  EXPECT_EQ(host.counter("health_check.cached_response"), 3u);
  EXPECT_EQ(host.counter("health_check.degraded"), 2u);
  EXPECT_EQ(host.counter("health_check.ok"), 1u);
  EXPECT_EQ(host.counter("health_check.failed"), 3u);
  EXPECT_EQ(host.counter("health_check.request_total"), 4u);
}

TEST_F(HealthCheck, LooksAtClusters) {
  settings.clusters = {{"one", 50}, {"two", 100}};
  EXPECT_EQ(get("/hc").details, "health_check_failed_no_cluster_found");
  health["one"] = {0, 0};
  EXPECT_EQ(get("/hc").details, "health_check_failed_cluster_empty");
  health["one"] = {3, 1};
  EXPECT_EQ(get("/hc").details, "health_check_failed_cluster_unhealthy");
  health["one"] = {4, 2};
  EXPECT_EQ(get("/hc").details, "health_check_failed_no_cluster_found");
  EXPECT_EQ(streams.back()->replied->status, 503);
  EXPECT_EQ(streams.back()->flags.to_string(), "LH");
  health["two"] = {2, 2};
  EXPECT_EQ(get("/hc").details, "health_check_ok_cluster_healthy");
  EXPECT_EQ(streams.back()->replied->status, 200);
  EXPECT_EQ(host.counter("health_check.failed_cluster_not_found"), 2u);
  EXPECT_EQ(host.counter("health_check.failed_cluster_empty"), 1u);
  EXPECT_EQ(host.counter("health_check.failed_cluster_unhealthy"), 1u);
}

TEST_F(HealthCheck, AnEmptyClusterOfWhichNothingIsAskedIsHealthy) {
  settings.clusters = {{"one", 0}};
  health["one"] = {0, 0};
  EXPECT_EQ(get("/hc").replied->status, 200);
}

TEST_F(HealthCheck, WithoutHeadersEverythingIsACheck) {
  settings.headers.clear();
  EXPECT_TRUE(get("/x").replied);
}

}  // namespace
}  // namespace weir::filters
