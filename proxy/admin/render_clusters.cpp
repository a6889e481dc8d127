// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/address_json.hpp"
#include "proxy/admin/render.hpp"

namespace weir::admin {
namespace {

struct HostValue {
  std::string_view name;
  std::uint64_t value;
  bool gauge;
};

std::uint64_t shown(std::int64_t gauge) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(gauge, 0));
}

/// Sorted by name.
std::array<HostValue, 8> host_values(const HostView& host) {
  return {{{"cx_active", shown(host.cx_active), true},
           {"cx_connect_fail", host.cx_connect_fail, false},
           {"cx_total", host.cx_total, false},
           {"rq_active", shown(host.rq_active), true},
           {"rq_error", host.rq_error, false},
           {"rq_success", host.rq_success, false},
           {"rq_timeout", host.rq_timeout, false},
           {"rq_total", host.rq_total, false}}};
}

/// As Envoy prints it: without trailing zeros.
std::string number_text(double number) { return fmt::format("{:g}", number); }

void append_outliers(std::string& out, const std::string& prefix, const OutlierView& view) {
  const auto line = [&](std::string_view key, double value) {
    out += prefix;
    out += "outlier::";
    out += key;
    out += "::" + number_text(value) + "\n";
  };
  line("success_rate_average", view.success_rate_average);
  line("success_rate_ejection_threshold", view.success_rate_threshold);
  line("local_origin_success_rate_average", view.local_success_rate_average);
  line("local_origin_success_rate_ejection_threshold", view.local_success_rate_threshold);
}

void append_limits(std::string& out, const std::string& prefix, std::string_view priority,
                   const config::CircuitBreakerConfig& limits) {
  const auto line = [&](std::string_view key, std::uint32_t value) {
    out += prefix;
    out += priority;
    out += "::";
    out += key;
    out += "::" + std::to_string(value) + "\n";
  };
  line("max_connections", limits.max_connections);
  line("max_pending_requests", limits.max_pending_requests);
  line("max_requests", limits.max_requests);
  line("max_retries", limits.max_retries);
}

void append_host(std::string& out, const std::string& cluster_prefix, const HostView& view) {
  const upstream::Host& host = *view.host;
  const std::string prefix = cluster_prefix + host.address.to_string() + "::";
  const auto line = [&](std::string_view key, std::string_view value) {
    out += prefix;
    out += key;
    out += "::";
    out += value;
    out += '\n';
  };
  for (const HostValue& value : host_values(view)) line(value.name, std::to_string(value.value));
  line("hostname", host.hostname);
  line("health_flags", upstream::to_string_of_health(host.health.flags()));
  line("weight", std::to_string(host.weight));
  line("region", host.region);
  line("zone", host.zone);
  line("sub_zone", host.sub_zone);
  line("canary", "false");
  line("priority", std::to_string(host.priority));
  line("success_rate", number_text(host.outcomes.success_rate));
  line("local_origin_success_rate", number_text(host.outcomes.local_success_rate));
}

void write_value(JsonWriter& json, const HostValue& value) {
  json.begin_object();
  if (value.gauge) json.key("type").string("GAUGE");
  if (value.value != 0) json.key("value").string(std::to_string(value.value));
  json.key("name").string(value.name).end_object();
}

void write_locality(JsonWriter& json, const upstream::Host& host) {
  json.key("locality").begin_object();
  if (!host.region.empty()) json.key("region").string(host.region);
  if (!host.zone.empty()) json.key("zone").string(host.zone);
  if (!host.sub_zone.empty()) json.key("sub_zone").string(host.sub_zone);
  json.end_object();
}

/// admin.v3.HostHealthStatus: only what is so.
void write_health(JsonWriter& json, upstream::HealthFlags flags) {
  using enum upstream::HealthFlag;
  const auto has = [&](upstream::HealthFlag flag) {
    return (flags & static_cast<upstream::HealthFlags>(flag)) != 0;
  };
  json.key("health_status").begin_object();
  const std::pair<upstream::HealthFlag, std::string_view> keys[] = {
      {failed_active_hc, "failed_active_health_check"},
      {failed_outlier_check, "failed_outlier_check"},
      {degraded_active_hc, "failed_active_degraded_check"},
      {pending_dynamic_removal, "pending_dynamic_removal"},
      {excluded_via_immediate_hc_fail, "excluded_via_immediate_hc_fail"},
      {active_hc_timeout, "active_hc_timeout"}};
  for (const auto& [flag, key] : keys)
    if (has(flag)) json.key(key).boolean(true);
  json.key("eds_health_status")
      .string(has(eds_status_draining)   ? "DRAINING"
              : has(failed_eds_health)   ? "UNHEALTHY"
              : has(degraded_eds_health) ? "DEGRADED"
                                         : "HEALTHY");
  json.end_object();
}

void write_host(JsonWriter& json, const HostView& view) {
  const upstream::Host& host = *view.host;
  json.begin_object().key("address");
  write_address(json, host.address.endpoint);
  json.key("stats").begin_array();
  const auto values = host_values(view);
  for (const bool gauge : {false, true})
    for (const HostValue& value : values)
      if (value.gauge == gauge) write_value(json, value);
  json.end_array();
  write_health(json, host.health.flags());
  json.key("weight").number(host.weight);
  if (!host.hostname.empty()) json.key("hostname").string(host.hostname);
  if (host.priority != 0) json.key("priority").number(host.priority);
  write_locality(json, host);
  json.end_object();
}

void write_limits(JsonWriter& json, std::string_view priority,
                  const config::CircuitBreakerConfig& limits) {
  json.begin_object();
  if (priority != "DEFAULT") json.key("priority").string(priority);
  json.key("max_connections").number(limits.max_connections);
  json.key("max_pending_requests").number(limits.max_pending_requests);
  json.key("max_requests").number(limits.max_requests);
  json.key("max_retries").number(limits.max_retries);
  json.end_object();
}

void write_cluster(JsonWriter& json, const ClusterView& cluster) {
  json.begin_object().key("name").string(cluster.config->name);
  if (cluster.added_via_api) json.key("added_via_api").boolean(true);
  if (!cluster.hosts.empty()) {
    json.key("host_statuses").begin_array();
    for (const HostView& host : cluster.hosts) write_host(json, host);
    json.end_array();
  }
  json.key("circuit_breakers").begin_object().key("thresholds").begin_array();
  write_limits(json, "DEFAULT", cluster.config->default_limits);
  write_limits(json, "HIGH", cluster.config->high_limits);
  json.end_array().end_object();
  json.key("observability_name").string(cluster.config->stats_name()).end_object();
}

}  // namespace

ClusterView view_cluster(std::shared_ptr<const config::ClusterConfig> config,
                         const upstream::HostSet& hosts) {
  ClusterView view{std::move(config), {}, false};
  for (const auto& host : hosts.hosts) {
    HostView& summed = view.hosts.emplace_back();
    summed.host = host;
    for (const stats::HostStats& worker : host->stats) {
      summed.cx_total += worker.cx_total.value();
      summed.cx_connect_fail += worker.cx_connect_fail.value();
      summed.cx_active += worker.cx_active.value();
      summed.rq_total += worker.rq_total.value();
      summed.rq_success += worker.rq_success.value();
      summed.rq_error += worker.rq_error.value();
      summed.rq_timeout += worker.rq_timeout.value();
      summed.rq_active += worker.rq_active.value();
    }
  }
  return view;
}

std::string render_clusters_text(std::span<const ClusterView> clusters) {
  std::string out;
  for (const ClusterView& cluster : clusters) {
    const std::string prefix = cluster.config->name + "::";
    out += prefix + "observability_name::" + cluster.config->stats_name() + "\n";
    if (cluster.outliers) append_outliers(out, prefix, *cluster.outliers);
    append_limits(out, prefix, "default_priority", cluster.config->default_limits);
    append_limits(out, prefix, "high_priority", cluster.config->high_limits);
    out += prefix + "added_via_api::" + (cluster.added_via_api ? "true" : "false") + "\n";
    for (const HostView& host : cluster.hosts) append_host(out, prefix, host);
  }
  return out;
}

std::string render_clusters_json(std::span<const ClusterView> clusters) {
  JsonWriter json;
  json.begin_object().key("cluster_statuses").begin_array();
  for (const ClusterView& cluster : clusters) write_cluster(json, cluster);
  json.end_array().end_object();
  return json.take();
}

}  // namespace weir::admin
