// SPDX-License-Identifier: Apache-2.0
// FakeSource: a server for the admin endpoints that only remembers what it was asked to do.
#pragma once

#include <string>
#include <vector>

#include "proxy/admin/admin_source.hpp"

namespace weir::admin {

class FakeSource : public AdminSource {
 public:
  FakeSource() {
    auto made = std::make_shared<config::Snapshot>();
    made->node = {"node-1", "front"};
    snapshot_ = made;
    options_.concurrency = 2;
    options_.config_path = "/etc/weir/\"x\".yaml";
    options_.log_level = "info";
    options_.mode = "Serve";
  }

  [[nodiscard]] std::shared_ptr<const config::Snapshot> snapshot() const override {
    return snapshot_;
  }
  [[nodiscard]] const stats::StatsStore& stats() const override { return store; }
  [[nodiscard]] ServerState state() const override { return server_state; }
  [[nodiscard]] std::vector<std::string> readiness() const override { return details; }
  [[nodiscard]] const CommandLineOptions& options() const override { return options_; }
  [[nodiscard]] std::chrono::steady_clock::duration uptime() const override {
    return std::chrono::milliseconds(61900);
  }
  [[nodiscard]] std::chrono::milliseconds initialization_time() const override {
    return std::chrono::milliseconds(4);
  }
  [[nodiscard]] std::vector<ListenerView> listeners() const override { return listener_views; }
  [[nodiscard]] std::vector<ClusterView> clusters() const override { return cluster_views; }

  [[nodiscard]] Response dump_config(const QueryParams& params) const override {
    return {200, kJson, "dump of " + std::string(params.find("resource").value_or("all"))};
  }

  void quit() override { asked.push_back("quit"); }
  void drain_listeners(const DrainRequest& request) override {
    asked.push_back(std::string("drain") + (request.graceful ? " graceful" : "") +
                    (request.inbound_only ? " inbound" : ""));
  }
  void set_health_check_failed(bool failed) override {
    asked.push_back(failed ? "fail" : "ok");
    server_state = failed ? ServerState::draining : ServerState::live;
  }
  void reopen_logs() override { asked.push_back("reopen"); }

  stats::StatsStore store{2};
  ServerState server_state = ServerState::live;
  std::vector<ListenerView> listener_views;
  std::vector<ClusterView> cluster_views;
  std::vector<std::string> asked;
  std::vector<std::string> details;

 private:
  std::shared_ptr<const config::Snapshot> snapshot_;
  CommandLineOptions options_;
};

}  // namespace weir::admin
