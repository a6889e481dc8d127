// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/endpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_source.hpp"
#include "proxy/admin/render.hpp"

namespace weir::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class EndpointsTest : public ::testing::Test {
 protected:
  Response request(const std::string& method, const std::string& target) {
    Answer answer = answer_request(Request{method, target, "localhost", "", true}, source_);
    apply_effect(answer.effect, source_);
    return answer.response;
  }
  Response get(const std::string& target) { return request("GET", target); }
  Response post(const std::string& target) { return request("POST", target); }

  void add_cluster() {
    auto config = std::make_shared<config::ClusterConfig>();
    config->name = "outbound|80||a.b";
    config->alt_stat_name = "a;";
    config->default_limits.max_connections = 7;
    auto host = std::make_shared<upstream::Host>();
    host->address = UpstreamAddress{*weir::Endpoint::parse("198.51.100.1:80")};
    host->hostname = "a.b";
    host->weight = 3;
    host->zone = "z1";
    host->stats = std::vector<stats::HostStats>(2);
    host->stats[0].cx_total.add(4);
    host->stats[1].cx_total.add(5);
    host->stats[1].cx_connect_fail.add(2);
    host->stats[0].cx_active.set(1);
    host->stats[0].rq_active.set(3);
    host->stats[1].rq_error.add(11);
    host->stats[0].rq_success.add(12);
    host->stats[1].rq_success.add(1);
    host->stats[0].rq_timeout.add(14);
    host->stats[1].rq_total.add(15);
    auto sick = std::make_shared<upstream::Host>();
    sick->address = UpstreamAddress{*weir::Endpoint::parse("[2001:db8::1]:80")};
    sick->health.set(upstream::HealthFlag::failed_eds_health);
    sick->stats = std::vector<stats::HostStats>(2);
    source_.cluster_views.push_back(view_cluster(config, upstream::HostSet{{host, sick}}));
  }

  FakeSource source_;
};

TEST_F(EndpointsTest, ReadySaysWhatIsAwaitedAfterItsFirstLine) {
  source_.details = {"waiting: cds", "refused: listener 'a': one\ntwo"};
  source_.server_state = ServerState::pre_initializing;
  EXPECT_EQ(get("/ready").body, "PRE_INITIALIZING\nwaiting: cds\nrefused: listener 'a': one two\n");
  source_.server_state = ServerState::live;
  EXPECT_EQ(get("/ready").status, 200u);
  source_.details.assign(kMostDetails + 2, "x");
  EXPECT_TRUE(get("/ready").body.starts_with("LIVE\nx\n"));
  EXPECT_TRUE(get("/ready").body.ends_with("x\nand 2 more\n"));
}

TEST_F(EndpointsTest, ReadyFollowsTheState) {
  EXPECT_EQ(get("/ready").status, 200u);
  EXPECT_EQ(get("/ready").body, "LIVE\n");
  for (const auto& [state, body] : {std::pair{ServerState::draining, "DRAINING\n"},
                                    std::pair{ServerState::pre_initializing, "PRE_INITIALIZING\n"},
                                    std::pair{ServerState::initializing, "INITIALIZING\n"}}) {
    source_.server_state = state;
    EXPECT_EQ(get("/ready").status, 503u);
    EXPECT_EQ(get("/ready").body, body);
  }
}

TEST_F(EndpointsTest, ServerInfo) {
  const Response response = get("/server_info");
  EXPECT_EQ(response.content_type, kJson);
  EXPECT_EQ(response.body, R"({
 "version": "weir/)" WEIR_VERSION R"(",
 "state": "LIVE",
 "uptime_current_epoch": "61s",
 "uptime_all_epochs": "61s",
 "hot_restart_version": "disabled",
 "command_line_options": {
  "concurrency": 2,
  "config_path": "/etc/weir/\"x\".yaml",
  "log_level": "info",
  "drain_time": "600s",
  "mode": "Serve"
 },
 "node": {
  "id": "node-1",
  "cluster": "front",
  "user_agent_name": "weir"
 }
}
)");
}

TEST_F(EndpointsTest, Listeners) {
  source_.listener_views = {{"out",
                             {ListenAddress{*weir::Endpoint::parse("0.0.0.0:15001")},
                              ListenAddress{*weir::Endpoint::parse("[::]:15001")}}},
                            {"in", {ListenAddress{*weir::Endpoint::parse("0.0.0.0:15006")}}}};
  EXPECT_EQ(get("/listeners").body, "out::0.0.0.0:15001\nout::[::]:15001\nin::0.0.0.0:15006\n");
  source_.listener_views.erase(source_.listener_views.begin() + 1);
  EXPECT_EQ(get("/listeners?format=json").body, R"({
 "listener_statuses": [
  {
   "name": "out",
   "local_address": {
    "socket_address": {
     "address": "0.0.0.0",
     "port_value": 15001
    }
   },
   "additional_local_addresses": [
    {
     "socket_address": {
      "address": "::",
      "port_value": 15001
     }
    }
   ]
  }
 ]
}
)");
}

TEST_F(EndpointsTest, ClustersInEnvoysOrder) {
  add_cluster();
  const std::string c = "outbound|80||a.b::";
  const std::string h = c + "198.51.100.1:80::";
  const std::string text = get("/clusters").body;
  EXPECT_THAT(
      text,
      StartsWith(
          c + "observability_name::a;\n" + c + "default_priority::max_connections::7\n" + c +
          "default_priority::max_pending_requests::1024\n" + c +
          "default_priority::max_requests::1024\n" + c + "default_priority::max_retries::3\n" + c +
          "high_priority::max_connections::1024\n" + c +
          "high_priority::max_pending_requests::1024\n" + c +
          "high_priority::max_requests::1024\n" + c + "high_priority::max_retries::3\n" + c +
          "added_via_api::false\n" + h + "cx_active::1\n" + h + "cx_connect_fail::2\n" + h +
          "cx_total::9\n" + h + "rq_active::3\n" + h + "rq_error::11\n" + h + "rq_success::13\n" +
          h + "rq_timeout::14\n" + h + "rq_total::15\n" + h + "hostname::a.b\n" + h +
          "health_flags::healthy\n" + h + "weight::3\n" + h + "region::\n" + h + "zone::z1\n" + h +
          "sub_zone::\n" + h + "canary::false\n" + h + "priority::0\n" + h + "success_rate::-1\n" +
          h + "local_origin_success_rate::-1\n"));
  EXPECT_THAT(text, HasSubstr(c + "[2001:db8::1]:80::health_flags::/failed_eds_health\n"));
}

TEST_F(EndpointsTest, ClustersAsJson) {
  add_cluster();
  const Response response = get("/clusters?format=json");
  EXPECT_EQ(response.content_type, kJson);
  EXPECT_THAT(response.body, StartsWith(R"({
 "cluster_statuses": [
  {
   "name": "outbound|80||a.b",
   "host_statuses": [
    {
     "address": {
      "socket_address": {
       "address": "198.51.100.1",
       "port_value": 80
      }
     },
     "stats": [
      {
       "value": "2",
       "name": "cx_connect_fail"
      },
      {
       "value": "9",
       "name": "cx_total"
      },
)"));
  EXPECT_THAT(response.body, HasSubstr(R"("eds_health_status": "UNHEALTHY")"));
  EXPECT_THAT(response.body, HasSubstr(R"("observability_name": "a;")"));
}

TEST_F(EndpointsTest, StatsAsIstiosAgentAsksForThem) {
  source_.store.listener_manager().workers_started.set(1);
  EXPECT_EQ(get("/stats?usedonly&filter=^(server\\.state|listener_manager\\.workers_started)").body,
            "listener_manager.workers_started: 1\nserver.state: 0\n");
  EXPECT_EQ(get("/stats?usedonly&filter=%5Eserver%5C.state").body, "server.state: 0\n");
}

TEST_F(EndpointsTest, StatsForms) {
  EXPECT_THAT(get("/stats").body, HasSubstr("\nserver.uptime: 61\n"));
  EXPECT_THAT(get("/stats").body, HasSubstr("\nserver.concurrency: 2\n"));
  EXPECT_THAT(get("/stats").body, HasSubstr("\nserver.initialization_time_ms: 4\n"));
  EXPECT_EQ(get("/stats?filter=server.state&format=json").content_type, kJson);
  const std::string metrics = "# TYPE envoy_server_state gauge\nenvoy_server_state{} 0\n";
  EXPECT_EQ(get("/stats?filter=server.state&format=prometheus").body, metrics);
  EXPECT_EQ(get("/stats/prometheus?filter=server.state").body, metrics);
  EXPECT_EQ(get("/stats/prometheus").content_type, kPrometheus);
  EXPECT_THAT(get("/stats?type=Counters").body, Not(HasSubstr("server.state")));
}

TEST_F(EndpointsTest, StatsErrors) {
  EXPECT_EQ(get("/stats?format=html").status, 400u);
  EXPECT_EQ(get("/stats?type=Foo").status, 400u);
  EXPECT_EQ(get("/stats?filter=(").status, 400u);
  EXPECT_THAT(get("/stats?filter=(").body, StartsWith("filter '(': "));
}

TEST_F(EndpointsTest, HelpAndHomeListEveryEndpoint) {
  const std::string help = get("/help").body;
  EXPECT_THAT(help, StartsWith("admin commands are:\n"));
  for (const char* path :
       {"/ready", "/server_info", "/config_dump", "/listeners", "/clusters", "/stats",
        "/stats/prometheus", "/logging", "/help", "/memory", "/quitquitquit", "/drain_listeners",
        "/healthcheck/fail", "/healthcheck/ok"}) {
    EXPECT_THAT(help, HasSubstr(std::string("  ") + path));
    EXPECT_THAT(get("/").body, HasSubstr(std::string("\"") + path + "\""));
  }
  EXPECT_EQ(get("/").content_type, kHtml);
}

TEST_F(EndpointsTest, ConfigDumpIsTheServersAnswer) {
  EXPECT_EQ(get("/config_dump").body, "dump of all");
  const Response response = get("/config_dump?resource=static_clusters");
  EXPECT_EQ(response.body, "dump of static_clusters");
  EXPECT_EQ(response.content_type, kJson);
}

TEST_F(EndpointsTest, UnknownPath) {
  const Response response = get("/reset_counters");
  EXPECT_EQ(response.status, 404u);
  EXPECT_THAT(response.body, StartsWith("invalid path. admin commands are:\n"));
}

TEST_F(EndpointsTest, GetDoesNotChangeAnything) {
  for (const char* path : {"/quitquitquit", "/drain_listeners", "/healthcheck/fail",
                           "/healthcheck/ok", "/logging?level=trace", "/reopen_logs"}) {
    const Response response = get(path);
    EXPECT_EQ(response.status, 405u) << path;
    EXPECT_EQ(response.body, "Method GET not allowed, POST required.");
  }
  EXPECT_THAT(source_.asked, IsEmpty());
  EXPECT_NE(log::level(log::Component::main), log::Level::trace);
  EXPECT_EQ(request("DELETE", "/stats").status, 405u);
}

TEST_F(EndpointsTest, PostAsksTheServer) {
  for (const char* path :
       {"/quitquitquit", "/drain_listeners", "/drain_listeners?graceful&inboundonly",
        "/healthcheck/fail", "/healthcheck/ok", "/reopen_logs"}) {
    EXPECT_EQ(post(path).body, "OK\n") << path;
  }
  EXPECT_THAT(source_.asked,
              ElementsAre("quit", "drain", "drain graceful inbound", "fail", "ok", "reopen"));
}

TEST_F(EndpointsTest, Memory) {
  const Response response = get("/memory");
  EXPECT_EQ(response.content_type, kJson);
  EXPECT_THAT(response.body, StartsWith("{\n \"allocated\": \""));
  EXPECT_THAT(response.body, Not(HasSubstr("\"total_physical_bytes\": \"0\"")));
}

class LoggingTest : public EndpointsTest {
 protected:
  void SetUp() override { log::set_all_levels(log::Level::info); }
  void TearDown() override { log::set_all_levels(log::Level::info); }
};

TEST_F(LoggingTest, ShowsAndSetsLevels) {
  EXPECT_THAT(post("/logging").body, StartsWith("active loggers:\n  main: info\n  config: info\n"));
  EXPECT_THAT(post("/logging?level=debug").body, HasSubstr("  dns: debug\n"));
  EXPECT_EQ(log::level(log::Component::dns), log::Level::debug);
  post("/logging?connection=trace");
  EXPECT_EQ(log::level(log::Component::connection), log::Level::trace);
  EXPECT_EQ(log::level(log::Component::dns), log::Level::debug);
  post("/logging?paths=admin:error,main:off");
  EXPECT_EQ(log::level(log::Component::admin), log::Level::error);
  EXPECT_EQ(log::level(log::Component::main), log::Level::off);
}

TEST_F(LoggingTest, AWrongRequestChangesNothing) {
  for (const char* target :
       {"/logging?level=loud", "/logging?nobody=debug", "/logging?paths=main:debug,x:debug",
        "/logging?paths=main", "/logging?main=debug&admin=debug", "/logging?main="}) {
    const Response response = post(target);
    EXPECT_EQ(response.status, 400u) << target;
    EXPECT_THAT(response.body, HasSubstr("usage: /logging?<name>=<level>")) << target;
  }
  EXPECT_EQ(log::level(log::Component::main), log::Level::info);
  EXPECT_THAT(post("/logging?level=loud").body, StartsWith("log level 'loud': expected "));
}

}  // namespace
}  // namespace weir::admin
