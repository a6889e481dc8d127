// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/check_protocol.hpp"

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

using config::HealthCheckConfig;
using Kind = CheckResult::Kind;

config::ClusterConfig cluster_with(HealthCheckConfig check) {
  config::ClusterConfig cluster;
  cluster.name = "orders";
  cluster.health_checks.push_back(std::move(check));
  return cluster;
}

std::string word(Kind kind) {
  switch (kind) {
    case Kind::passed:
      return "passed";
    case Kind::degraded:
      return "degraded";
    case Kind::refused:
      return "refused";
    case Kind::retriable:
      return "retriable";
    case Kind::network:
      return "network";
    case Kind::timeout:
      return "timeout";
    case Kind::passive:
      return "passive";
  }
  return "?";
}

/// Feeds in pieces of every size; all must agree.
std::string outcome(const config::ClusterConfig& cluster, std::string_view answer) {
  std::string agreed;
  for (std::size_t piece = 1; piece <= answer.size(); ++piece) {
    const auto protocol = make_check_protocol(cluster, cluster.health_checks.front());
    static_cast<void>(protocol->begin());
    std::optional<CheckResult> result;
    for (std::size_t at = 0; at < answer.size() && !result; at += piece)
      result = protocol->feed(answer.substr(at, piece));
    std::string text = result ? word(result->kind) : "waits";
    if (result && result->exclude) text += " excluded";
    if (agreed.empty()) agreed = text;
    EXPECT_EQ(text, agreed) << "in pieces of " << piece;
  }
  return agreed;
}

HealthCheckConfig tcp(std::string send, std::vector<std::string> receive) {
  HealthCheckConfig check;
  check.kind = HealthCheckConfig::Kind::tcp;
  check.send = std::move(send);
  check.receive = std::move(receive);
  return check;
}

TEST(TcpCheck, WithoutExpectedBytesTheConnectionIsEnough) {
  auto cluster = cluster_with(tcp("", {}));
  EXPECT_TRUE(make_check_protocol(cluster, cluster.health_checks[0])->connect_is_enough());
  cluster.health_checks[0] = tcp("PING", {"PONG"});
  const auto protocol = make_check_protocol(cluster, cluster.health_checks[0]);
  EXPECT_FALSE(protocol->connect_is_enough());
  EXPECT_EQ(protocol->begin(), "PING");
}

TEST(TcpCheck, BlocksAppearInTheirOrder) {
  const auto cluster = cluster_with(tcp("x", {"abc", "c", "abd"}));
  EXPECT_EQ(outcome(cluster, "abccabd"), "passed");
  EXPECT_EQ(outcome(cluster, "..ababc....c..ababd"), "passed");
  EXPECT_EQ(outcome(cluster, "abcabdabd"), "waits") << "the second c is missing";
  EXPECT_EQ(outcome(cluster, "abdcabc"), "waits");
}

TEST(TcpCheck, ATalkativeHostIsNotRemembered) {
  const auto cluster = cluster_with(tcp("x", {std::string(10, 'a')}));
  EXPECT_EQ(outcome(cluster, std::string(9, 'a') + "b" + std::string(9, 'a')), "waits");
  EXPECT_EQ(outcome(cluster, std::string(9, 'a') + "b" + std::string(10, 'a')), "passed");
}

HealthCheckConfig http() {
  HealthCheckConfig check;
  check.kind = HealthCheckConfig::Kind::http;
  check.path = "/healthz";
  return check;
}

TEST(HttpCheck, AsksAsEnvoyDoes) {
  auto cluster = cluster_with(http());
  const auto request = [&] {
    return make_check_protocol(cluster, cluster.health_checks[0])->begin();
  };
  EXPECT_EQ(request(), "GET /healthz HTTP/1.1\r\nhost: orders\r\nuser-agent: Envoy/HC\r\n\r\n");
  cluster.health_checks[0].host = "shop.example";
  cluster.health_checks[0].method = "POST";
  cluster.health_checks[0].request_headers = {{"x-a", "1"}, {"x-b", "2"}};
  EXPECT_EQ(request(),
            "POST /healthz HTTP/1.1\r\nhost: shop.example\r\nuser-agent: Envoy/HC\r\nx-a: 1\r\n"
            "x-b: 2\r\ncontent-length: 0\r\n\r\n");
}

TEST(HttpCheck, TheStatusDecides) {
  auto cluster = cluster_with(http());
  const auto of = [&](int status) {
    return outcome(cluster,
                   "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: 2\r\n\r\nok");
  };
  EXPECT_EQ(of(200), "passed");
  for (const int status : {201, 302, 404, 500, 503}) EXPECT_EQ(of(status), "refused") << status;
  cluster.health_checks[0].expected_statuses = {{200, 299}, {418, 418}};
  cluster.health_checks[0].retriable_statuses = {{503, 504}};
  EXPECT_EQ(of(201), "passed");
  EXPECT_EQ(of(418), "passed");
  EXPECT_EQ(of(300), "refused");
  EXPECT_EQ(of(503), "retriable");
}

TEST(HttpCheck, HeadersOfTheAnswer) {
  const auto cluster = cluster_with(http());
  EXPECT_EQ(outcome(cluster, "HTTP/1.1 200 OK\r\nX-Envoy-Degraded: 1\r\ncontent-length: 0\r\n\r\n"),
            "degraded");
  EXPECT_EQ(outcome(cluster,
                    "HTTP/1.1 200 OK\r\nx-envoy-immediate-health-check-fail: true\r\n"
                    "content-length: 0\r\n\r\n"),
            "passed excluded");
}

TEST(HttpCheck, FormsOfAnswers) {
  auto cluster = cluster_with(http());
  EXPECT_EQ(
      outcome(cluster, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
      "passed");
  EXPECT_EQ(
      outcome(cluster, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"),
      "refused");
  EXPECT_EQ(outcome(cluster, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok"), "waits");
  EXPECT_EQ(outcome(cluster, "SSH-2.0-OpenSSH_9.2\r\n"), "network");
  EXPECT_EQ(outcome(cluster, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "network");
  cluster.health_checks[0].method = "HEAD";
  EXPECT_EQ(outcome(cluster, "HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n"), "passed");
}

TEST(HttpCheck, AnAnswerMayEndWithTheConnection) {
  const auto cluster = cluster_with(http());
  const auto after = [&](std::string_view answer) {
    const auto protocol = make_check_protocol(cluster, cluster.health_checks[0]);
    static_cast<void>(protocol->begin());
    EXPECT_FALSE(protocol->feed(answer));
    return word(protocol->closed().kind);
  };
  EXPECT_EQ(after("HTTP/1.1 200 OK\r\n\r\nsome"), "passed");
  EXPECT_EQ(after("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome"), "network");
  EXPECT_EQ(after("HTTP/1.1 200 OK\r\ncontent"), "network");
  EXPECT_EQ(after(""), "network");
}

TEST(HttpCheck, AnEndlessHeadIsRefused) {
  const auto cluster = cluster_with(http());
  const auto protocol = make_check_protocol(cluster, cluster.health_checks[0]);
  static_cast<void>(protocol->begin());
  EXPECT_FALSE(protocol->feed("HTTP/1.1 200 OK\r\n"));
  std::optional<CheckResult> result;
  for (int i = 0; i < 100 && !result; ++i)
    result = protocol->feed("x-" + std::to_string(i) + ": " + std::string(1000, 'v') + "\r\n");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->kind, Kind::network);
}

TEST(HttpCheck, OneConnectionServesManyChecks) {
  const auto cluster = cluster_with(http());
  const auto protocol = make_check_protocol(cluster, cluster.health_checks[0]);
  const auto check = [&](std::string_view answer) {
    static_cast<void>(protocol->begin());
    const auto result = protocol->feed(answer);
    return result ? word(result->kind) : "waits";
  };
  EXPECT_EQ(check("HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 0\r\n\r\n"),
            "degraded");
  EXPECT_TRUE(protocol->keeps_open());
  EXPECT_EQ(check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), "passed");
  EXPECT_TRUE(protocol->keeps_open());
  EXPECT_EQ(check("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"), "refused");
  EXPECT_FALSE(protocol->keeps_open()) << "an answer that nobody asked for";
  EXPECT_EQ(check("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"), "passed");
  EXPECT_FALSE(protocol->keeps_open());
}

}  // namespace
}  // namespace weir::upstream
