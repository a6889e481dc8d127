// SPDX-License-Identifier: Apache-2.0
// A control plane whose own time does not count: weir-bench-control-plane --listen PORT
// --clusters N --listeners N --first-port PORT --target IP:PORT --kind eds|static [--tcp PORT].
// Commands come in on stdin, one a line; each is answered with a line of JSON:
//   serving             waits until all listeners serve; ms since the first message of the client
//   count               how many listeners answer a request
//   endpoint N PID      another endpoint for a cluster; CPU of the process until it has settled
//   trigger             moves clusters and routes to the next version; ms to the first answer of it
//   files VERSION FROM TO...  renames files that say the same; ms to the first answer of it
//   churn COUNT SECONDS that many updates, evenly: listener, route table, cluster, endpoints
#include <arpa/inet.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "bench/tools/control_probe.hpp"
#include "bench/tools/control_resources.hpp"
#include "bench/tools/control_server.hpp"
#include "bench/tools/cpu_watch.hpp"
#include "bench/tools/flags.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

constexpr double kPatience = 120;
constexpr std::uint32_t kConnections = 1'000'000;

void sleep_until(std::int64_t when) {
  const std::int64_t left = when - now_ns();
  if (left <= 0) return;
  const timespec pause{left / 1'000'000'000, left % 1'000'000'000};
  nanosleep(&pause, nullptr);
}

class ControlPlane {
 public:
  explicit ControlPlane(const Flags& flags)
      : clusters_(static_cast<int>(flags.number("clusters", 1))),
        listeners_(static_cast<int>(flags.number("listeners", 1))),
        first_port_(static_cast<std::uint16_t>(flags.number("first-port", 10000))),
        tcp_port_(static_cast<std::uint16_t>(flags.number("tcp", 0))),
        has_eds_(flags.text("kind", "eds") == "eds") {
    const sockaddr_in target = parse_destination(flags.text("target"));
    char address[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &target.sin_addr, address, sizeof address);
    target_ = {address, ntohs(target.sin_port)};
    fill();
    server_.listen(static_cast<int>(flags.number("listen", 0)));
  }

  void serve() {
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string command;
      double first = 0, second = 0;
      words >> command >> first >> second;
      if (command == "serving") serving();
      if (command == "endpoint") change_endpoint(static_cast<int>(first), static_cast<int>(second));
      if (command == "count")
        std::printf("{\"serving\":%d}\n", count_serving(first_port_, listeners_));
      if (command == "trigger") trigger();
      if (command == "files") rename_files(static_cast<int>(first), line);
      if (command == "churn") churn(static_cast<int>(first), second);
      std::fflush(stdout);
    }
  }

 private:
  // Two of everything, so that each change is one.
  [[nodiscard]] Target target(int version) const {
    return {target_.address, static_cast<std::uint16_t>(target_.port + version % 2)};
  }
  [[nodiscard]] std::string cluster(int number, int version) const {
    const std::string name = cluster_name(number);
    return has_eds_ ? eds_cluster(name, kConnections + static_cast<std::uint32_t>(version % 2))
                    : static_cluster(name, target(version));
  }
  [[nodiscard]] std::string listener(int number, int version) const {
    const std::string name = "listener-" + std::to_string(number);
    const auto routes = "routes-" + std::to_string(number);
    return http_listener(name, static_cast<std::uint16_t>(first_port_ + number), routes,
                         name + (version % 2 == 0 ? "" : "-b"));
  }
  [[nodiscard]] std::string tcp(int version) const {
    return tcp_listener("tcp", tcp_port_, cluster_name(0), version % 2 == 0 ? "tcp" : "tcp-b");
  }
  [[nodiscard]] std::string routes(int number, int version) const {
    const int each = clusters_ / listeners_;
    return route_table("routes-" + std::to_string(number), number * each, each,
                       std::to_string(version));
  }

  void fill() {
    server_.change([this](auto& resources) -> ControlServer::Changes {
      for (int i = 0; i < clusters_; ++i) {
        resources[kClusters].put(cluster_name(i), cluster(i, 0));
        if (has_eds_)
          resources[kEndpoints].put(cluster_name(i), endpoints(cluster_name(i), target(0)));
      }
      for (int i = 0; i < listeners_; ++i) {
        resources[kListeners].put("listener-" + std::to_string(i), listener(i, 0));
        resources[kRoutes].put("routes-" + std::to_string(i), routes(i, 0));
      }
      if (tcp_port_ != 0) resources[kListeners].put("tcp", tcp(0));
      return {};
    });
  }

  std::uint64_t put(const char* type, const std::string& name, const std::string& message) {
    return server_.change([&](auto& resources) -> ControlServer::Changes {
      resources[type].put(name, message);
      return {{type, {name}}};
    });
  }

  void serving() {
    const std::int64_t when = when_all_serve(first_port_, listeners_, kPatience);
    timespec cpu{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    std::printf("{\"ms\":%.3f,\"refused\":%llu,\"server_cpu_ms\":%.1f}\n",
                static_cast<double>(when - server_.first_request_ns()) / 1e6,
                static_cast<unsigned long long>(server_.refused()),
                static_cast<double>(cpu.tv_sec) * 1e3 + static_cast<double>(cpu.tv_nsec) / 1e6);
  }

  void change_endpoint(int number, int pid) {
    CpuWatch cpu({pid}, {});
    cpu.start();
    const std::int64_t begun = now_ns();
    const auto response = put(kEndpoints, cluster_name(number),
                              endpoints(cluster_name(number), target(++moved_[number])));
    if (!server_.wait_for_answer(response, kPatience)) fail("an update was not answered");
    const std::int64_t answered = now_ns();
    sleep_until(answered + 20'000'000);
    cpu.stop();
    std::printf("{%s,\"ms\":%.3f}\n", cpu.json().c_str(),
                static_cast<double>(answered - begun) / 1e6);
  }

  void trigger() {
    const int version = ++version_;
    const std::int64_t begun = now_ns();
    server_.change([&](auto& resources) -> ControlServer::Changes {
      resources[kClusters].put(cluster_name(0), cluster(0, version));
      resources[kRoutes].put("routes-0", routes(0, version));
      return {{kClusters, {cluster_name(0)}}, {kRoutes, {"routes-0"}}};
    });
    answered_with(version, begun);
  }

  void answered_with(int version, std::int64_t begun) const {
    const std::int64_t when =
        when_answered_with(first_port_, "x-version: " + std::to_string(version), kPatience);
    std::printf("{\"ms\":%.3f}\n", static_cast<double>(when - begun) / 1e6);
  }

  void rename_files(int version, const std::string& line) const {
    std::istringstream words(line);
    std::string from, to;
    words >> from >> to;  // the command and the version
    const std::int64_t begun = now_ns();
    while (words >> from >> to)
      if (std::rename(from.c_str(), to.c_str()) != 0) fail("rename '" + from + "'");
    answered_with(version, begun);
  }

  std::uint64_t update(int number) {
    const int version = number / 4 + 1;
    switch (number % 4) {
      case 0:
        if (tcp_port_ != 0 && version % 2 == 0) return put(kListeners, "tcp", tcp(version / 2));
        return put(kListeners, "listener-0", listener(0, version / 2 + 1));
      case 1:
        return put(kRoutes, "routes-0", routes(0, version));
      case 2:
        return put(kClusters, cluster_name(0), cluster(0, version));
      default:
        return put(kEndpoints, cluster_name(0), endpoints(cluster_name(0), target(version)));
    }
  }

  void churn(int count, double seconds) {
    const std::int64_t begun = now_ns();
    int answered = 0;
    std::vector<std::uint64_t> responses;
    for (int i = 0; i < count; ++i) {
      responses.push_back(update(i));
      sleep_until(begun + static_cast<std::int64_t>(seconds * 1e9 * (i + 1) / count));
    }
    for (const std::uint64_t response : responses)
      answered += response != 0 && server_.wait_for_answer(response, 10) ? 1 : 0;
    std::printf("{\"answered\":%d,\"refused\":%llu,\"seconds\":%.3f}\n", answered,
                static_cast<unsigned long long>(server_.refused()),
                static_cast<double>(now_ns() - begun) / 1e9);
  }

  const int clusters_, listeners_;
  const std::uint16_t first_port_, tcp_port_;
  const bool has_eds_;
  Target target_;
  int version_ = 0;
  std::map<int, int> moved_;  // versions of the endpoints of clusters
  ControlServer server_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  bench::ControlPlane(bench::Flags(argc, argv, 1)).serve();
  std::fflush(stdout);
  // gRPC's threads end with the process.
  std::_Exit(0);
}
