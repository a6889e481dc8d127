// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"
#include "init/cli/canonical_flags.hpp"
#include "init/explain/status_report.hpp"

namespace weir::init {
namespace {

void write_strings(JsonWriter& json, std::string_view name, const std::vector<std::string>& list) {
  json.key(name).begin_array();
  for (const std::string& item : list) json.string(item);
  json.end_array();
}

void write_kept(JsonWriter& json, const StatusReport& report) {
  if (!report.kept) {
    json.key("flags_unknown").string(report.kept_error);
    return;
  }
  json.key("version").string(report.kept->version);
  json.key("flags").string(shell_text(report.kept->arguments));
  write_strings(json, "arguments", report.kept->arguments);
}

void write_counts(JsonWriter& json, const std::vector<PurposeCount>& counts) {
  json.key("counters").begin_array();
  for (const PurposeCount& count : counts) {
    json.begin_object();
    json.key("purpose").string(purpose_name(count.purpose));
    json.key("reason").string(count.reason);
    json.key("packets").number(count.packets);
    json.end_object();
  }
  json.end_array();
}

void write_ports(JsonWriter& json, const std::vector<ProxyPort>& ports) {
  json.key("ports").begin_array();
  for (const ProxyPort& port : ports) {
    json.begin_object();
    json.key("purpose").string(port.purpose);
    json.key("port").number(port.port);
    json.key("protocol").string(port.udp ? "udp" : "tcp");
    json.key("listeners").begin_array();
    for (const Listener& listener : port.listeners) {
      json.begin_object();
      json.key("address").string(listener.local.address.to_string());
      json.key("uid").number(listener.uid);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

void write_others(JsonWriter& json, const std::vector<OtherNat>& others) {
  json.key("other_nat").begin_array();
  for (const OtherNat& other : others) {
    json.begin_object();
    json.key("place").string(other.place);
    json.key("priority").number(other.priority);
    json.end_object();
  }
  json.end_array();
}

std::vector<std::string> names(const std::vector<OptionalFeature>& features) {
  std::vector<std::string> names;
  for (const OptionalFeature feature : features)
    names.emplace_back(feature == OptionalFeature::hold_until_listening ? "hold-until-listening"
                                                                        : "close-wait-timeout");
  return names;
}

}  // namespace

std::string status_json(const StatusReport& report) {
  JsonWriter json;
  json.begin_object();
  json.key("installed").boolean(report.installed);
  json.key("intact").boolean(status_code(report) == ExitCode::ok);
  json.key("backend").string(report.backend);
  if (report.installed) {
    write_kept(json, report);
    write_strings(json, "drift", report.drift);
    write_strings(json, "routing_drift", report.routing_drift);
    write_strings(json, "left_out", names(report.left_out));
    write_ports(json, report.ports);
    write_counts(json, report.counts);
  }
  write_others(json, report.other_nat);
  json.end_object();
  return json.take();
}

}  // namespace weir::init
