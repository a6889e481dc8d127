// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>

#include "common/json_writer.hpp"
#include "proxy/admin/render.hpp"

namespace weir::admin {
namespace {

std::string in_seconds(std::chrono::seconds duration) {
  return std::to_string(duration.count()) + "s";
}

void write_text(JsonWriter& json, std::string_view key, const std::string& value) {
  if (!value.empty()) json.key(key).string(value);
}

void write_options(JsonWriter& json, const CommandLineOptions& options) {
  json.key("command_line_options").begin_object();
  json.key("concurrency").number(options.concurrency);
  write_text(json, "config_path", options.config_path);
  write_text(json, "config_yaml", options.config_yaml);
  write_text(json, "log_level", options.log_level);
  write_text(json, "log_path", options.log_path);
  write_text(json, "service_cluster", options.service_cluster);
  write_text(json, "service_node", options.service_node);
  json.key("drain_time").string(in_seconds(options.drain_time));
  write_text(json, "mode", options.mode);
  json.end_object();
}

}  // namespace

std::string_view to_string(ServerState state) {
  switch (state) {
    case ServerState::live:
      return "LIVE";
    case ServerState::draining:
      return "DRAINING";
    case ServerState::pre_initializing:
      return "PRE_INITIALIZING";
    case ServerState::initializing:
      return "INITIALIZING";
  }
  return "";
}

std::string render_ready(ServerState state, const std::vector<std::string>& details) {
  std::string text(to_string(state));
  text += '\n';
  for (std::size_t i = 0; i < std::min(details.size(), kMostDetails); ++i) {
    const std::size_t begin = text.size();
    text += details[i];
    std::replace(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), '\n', ' ');
    text += '\n';
  }
  if (details.size() > kMostDetails)
    text += "and " + std::to_string(details.size() - kMostDetails) + " more\n";
  return text;
}

std::string render_server_info(const ServerInfo& info) {
  JsonWriter json;
  json.begin_object();
  json.key("version").string("weir/" WEIR_VERSION);
  json.key("state").string(to_string(info.state));
  json.key("uptime_current_epoch").string(in_seconds(info.uptime));
  json.key("uptime_all_epochs").string(in_seconds(info.uptime));
  json.key("hot_restart_version").string("disabled");
  write_options(json, info.options);
  json.key("node").begin_object();
  write_text(json, "id", info.node.id);
  write_text(json, "cluster", info.node.cluster);
  json.key("user_agent_name").string("weir");
  json.end_object().end_object();
  return json.take();
}

std::string render_memory(const ProcessMemory& memory) {
  // uint64 is a string in protobuf's JSON.
  JsonWriter json;
  json.begin_object();
  json.key("allocated").string(std::to_string(memory.allocated));
  json.key("heap_size").string(std::to_string(memory.heap_size));
  json.key("total_physical_bytes").string(std::to_string(memory.physical));
  json.end_object();
  return json.take();
}

}  // namespace weir::admin
