// SPDX-License-Identifier: Apache-2.0
#include "init/explain/status_report.hpp"

#include <algorithm>

#include "init/cli/canonical_flags.hpp"
#include "init/install/report.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

std::string listener_text(const ProxyPort& port) {
  std::string text;
  for (const Listener& listener : port.listeners)
    text += (text.empty() ? "" : ", ") + listener.local.to_string() + " (user " +
            std::to_string(listener.uid) + ")";
  return text.empty() ? "nobody listens" : text;
}

std::string line(std::string_view name, std::string_view value) {
  constexpr std::size_t kColumn = 11;
  std::string text(name);
  text.resize(std::max(text.size() + 1, kColumn), ' ');
  return text + std::string(value) + "\n";
}

void append_drift(const StatusReport& report, std::string& text) {
  if (!report.kept) {
    text += line("rules:", "not compared: " + report.kept_error);
    return;
  }
  for (const OptionalFeature feature : report.left_out) text += describe_missing(feature) + "\n";
  if (report.drift.empty()) text += line("rules:", "intact");
  for (const std::string& difference : report.drift) text += line("drift:", difference);
  if (report.routing_drift.empty()) text += line("routing:", "intact");
  for (const std::string& difference : report.routing_drift) text += line("drift:", difference);
}

void append_counts(const std::vector<PurposeCount>& counts, std::string& text) {
  text += "counted since the installation:\n";
  for (const PurposeCount& count : counts) {
    std::string number = std::to_string(count.packets);
    number.insert(0, 10 - std::min<std::size_t>(10, number.size()), ' ');
    text += number + "  " + std::string(purpose_name(count.purpose)) + ": " + count.reason + "\n";
  }
}

}  // namespace

std::vector<ProxyPort> proxy_ports(const RedirectConfig& config,
                                   const std::vector<Listener>& listeners) {
  std::vector<ProxyPort> ports;
  const auto add = [&](std::string_view purpose, std::uint16_t number, bool udp) {
    ProxyPort port{std::string(purpose), number, udp, {}};
    for (const Listener& listener : listeners)
      if (listener.local.port == number && listener.udp == udp) port.listeners.push_back(listener);
    ports.push_back(std::move(port));
  };
  if (captures_outbound(config)) add("outbound", config.outbound_port, false);
  if (redirects_inbound(config) || is_tproxy(config)) add("inbound", config.inbound_port, false);
  if (captures_dns(config)) {
    add("DNS", config.dns.port, false);
    add("DNS", config.dns.port, true);
  }
  return ports;
}

ExitCode status_code(const StatusReport& report) {
  if (!report.installed) return ExitCode::other;
  const bool intact = report.kept && report.drift.empty() && report.routing_drift.empty();
  return intact ? ExitCode::ok : ExitCode::verification;
}

std::string status_text(const StatusReport& report) {
  if (!report.installed) return "nothing of ours is installed in this network namespace\n";
  std::string text =
      line("installed:", report.backend + (report.kept ? ", by " + report.kept->version : ""));
  if (report.kept) text += line("flags:", shell_text(report.kept->arguments));
  append_drift(report, text);
  for (const ProxyPort& port : report.ports)
    text += line("port:", std::to_string(port.port) + (port.udp ? "/udp " : " ") + port.purpose +
                              ": " + listener_text(port));
  for (const std::string& conflict : describe_conflicts(report.other_nat)) text += conflict + "\n";
  append_counts(report.counts, text);
  return text;
}

}  // namespace weir::init
