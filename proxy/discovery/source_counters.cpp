// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/source_counters.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace weir::discovery {
namespace {

bool is_counted(ResourceType type) {
  return type == ResourceType::cluster || type == ResourceType::listener;
}

std::string field_of(ResourceType type, std::string_view field) {
  return std::string(xds::short_name(type)).append(".").append(field);
}

}  // namespace

std::string_view counter_group(ResourceType type) {
  return type == ResourceType::listener ? "listener_manager" : "cluster_manager";
}

stats::Counter* SourceCounters::find(ResourceType type, std::string_view field) {
  if (!is_counted(type)) return nullptr;
  return &stats_.counter(counter_group(type), "", field_of(type, field), stats_.workers());
}

void SourceCounters::show(ResourceType type) {
  for (const char* field : {"update_attempt", "update_success", "update_failure", "update_rejected",
                            "init_fetch_timeout"})
    static_cast<void>(find(type, field));
}

void SourceCounters::count(ResourceType type, std::string_view field) {
  if (auto* const found = find(type, field)) found->add();
}

stats::Counter& SourceCounters::find_route_table(std::string_view prefix, std::string_view table,
                                                 std::string_view field) {
  const std::string name = std::string("rds.").append(table).append(".").append(field);
  return stats_.counter("http", prefix, name, stats_.workers());
}

void SourceCounters::show_route_table(std::string_view prefix, std::string_view table) {
  for (const char* field : {"config_reload", "update_attempt", "update_success", "update_rejected",
                            "init_fetch_timeout"})
    static_cast<void>(find_route_table(prefix, table, field));
}

void SourceCounters::count_route_table(std::string_view prefix, std::string_view table,
                                       std::string_view field) {
  find_route_table(prefix, table, field).add();
}

void SourceCounters::count_version(ResourceType type, std::string_view version) {
  if (!is_counted(type)) return;
  const auto set = [&](std::string_view field, std::int64_t value) {
    const std::string name = field_of(type, field);
    stats_.gauge({counter_group(type), "", name}, stats_.workers()).set(value);
  };
  // Envoy shows a hash: whether two proxies have the same version is all that it tells.
  set("version", static_cast<std::int64_t>(std::hash<std::string_view>{}(version) >> 1));
  set("update_time", std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count());
}

}  // namespace weir::discovery
