// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/snapshot_builder.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config/access_log_from_proto.hpp"
#include "proxy/config/api_config_source_from_proto.hpp"
#include "proxy/config/cluster_from_proto.hpp"
#include "proxy/config/config_source_from_proto.hpp"
#include "proxy/config/listener_from_proto.hpp"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/runtime_layers.hpp"
#include "proxy/config/snapshot_checks.hpp"
#include "proxy/config/wire_text.hpp"

namespace weir::config {
namespace {

using envoy::config::bootstrap::v3::Admin;
using envoy::config::bootstrap::v3::Bootstrap;

AdminConfig admin_from_proto(const Admin& proto, const ParseContext& context) {
  AdminConfig admin;
  const ParseContext address = context.field("address");
  if (proto.has_address()) {
    if (const auto* socket_address = socket_address_of(proto.address(), address))
      if (const auto endpoint =
              endpoint_from_proto(*socket_address, address.field("socket_address")))
        admin.address = ListenAddress{*endpoint};
  }
  if (!proto.access_log().empty())
    context.field("access_log").warning("has no effect: the admin server writes no access log");
  if (!proto.access_log_path().empty())
    context.field("access_log_path")
        .warning("has no effect: the admin server writes no access log");
  return admin;
}

/// Collects the listeners of a Snapshot and checks them against each other.
class ListenerCollector {
 public:
  ListenerCollector(const FilterRegistry& registry, ListenerCheck check,
                    const RuntimeLimits& limits)
      : registry_(registry), check_(check), limits_(limits) {}

  void add(const envoy::config::listener::v3::Listener& proto, const ParseContext& context) {
    const std::size_t errors = context.diagnostics().error_count();
    auto listener =
        std::make_shared<ListenerConfig>(listener_from_proto(proto, registry_, context));
    if (!names_.insert(listener->name).second)
      context.error("error adding listener: name '" + listener->name +
                    "' is used by an earlier listener");
    check_addresses(*listener, context);
    // A listener with errors of its own would only say the same again.
    if (context.diagnostics().error_count() == errors) check_chains(*listener, context);
    if (const auto limit = limits_.listener_connections.find(listener->name);
        limit != limits_.listener_connections.end())
      listener->connection_limit = limit->second;
    listeners.push_back(std::move(listener));
  }

  std::vector<std::shared_ptr<const ListenerConfig>> listeners;

 private:
  void check_addresses(const ListenerConfig& listener, const ParseContext& context) {
    for (const ListenerAddressConfig& address : listener.addresses) {
      // The kernel gives each binding listener on port 0 a port of its own.
      if (address.address.endpoint.port == 0 && listener.bind_to_port) continue;
      const auto [at, added] = addresses_.emplace(address.address.endpoint, &listener);
      if (added || at->second == &listener) continue;
      context.error(explain_address_conflict(listener));
      return;
    }
  }

  void check_chains(const ListenerConfig& listener, const ParseContext& context) {
    if (check_ == nullptr) return;
    if (const auto checked = check_(listener); !checked) context.error(checked.error().message);
  }

  const FilterRegistry& registry_;
  const ListenerCheck check_;
  const RuntimeLimits& limits_;
  std::unordered_set<std::string> names_;
  std::unordered_map<Endpoint, const ListenerConfig*, EndpointHash> addresses_;
};

void read_dynamic(const Bootstrap::DynamicResources& proto, const ParseContext& context,
                  Snapshot& snapshot) {
  if (proto.has_ads_config())
    if (auto ads = api_config_source_from_proto(proto.ads_config(), context.field("ads_config"))) {
      snapshot.ads = std::make_shared<ApiConfigSource>(*std::move(ads));
      check_control_plane(*snapshot.ads, snapshot, context.field("ads_config"));
    }
  const auto read = [&](const auto& source, std::string_view field) {
    auto parsed = config_source_from_proto(source, context.field(field));
    if (parsed) check_source(*parsed, snapshot, context.field(field));
    return parsed;
  };
  if (proto.has_cds_config()) snapshot.cds = read(proto.cds_config(), "cds_config");
  if (proto.has_lds_config()) snapshot.lds = read(proto.lds_config(), "lds_config");
}

void add_cluster(const envoy::config::cluster::v3::Cluster& proto, const ParseContext& context,
                 Snapshot& snapshot) {
  auto cluster = std::make_shared<const ClusterConfig>(cluster_from_proto(proto, context));
  if (!snapshot.cluster_index.emplace(cluster->name, snapshot.clusters.size()).second)
    context.error("cluster manager: duplicate cluster '" + cluster->name + "'");
  snapshot.clusters.push_back(std::move(cluster));
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> build_snapshot(const Bootstrap& proto,
                                                       const FilterRegistry& registry,
                                                       ListenerCheck check,
                                                       const ParseContext& root) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->node = {proto.node().id(), proto.node().cluster(), proto.node().SerializeAsString()};
  snapshot->bootstrap = std::make_shared<const std::string>(wire_text(proto));
  snapshot->admin = admin_from_proto(proto.admin(), root.field("admin"));
  const RuntimeLimits limits =
      runtime_from_proto(proto.layered_runtime(), root.field("layered_runtime"));
  snapshot->global_connection_limit = limits.global_connections;
  snapshot->listener_connection_limits = limits.listener_connections;

  const ParseContext resources = root.field("static_resources");
  for (int i = 0; i < proto.static_resources().clusters_size(); ++i)
    add_cluster(proto.static_resources().clusters(i), resources.item("clusters", i), *snapshot);
  read_dynamic(proto.dynamic_resources(), root.field("dynamic_resources"), *snapshot);
  ListenerCollector collector(registry, check, limits);
  for (int i = 0; i < proto.static_resources().listeners_size(); ++i)
    collector.add(proto.static_resources().listeners(i), resources.item("listeners", i));
  snapshot->listeners = std::move(collector.listeners);
  for (std::size_t i = 0; i < snapshot->listeners.size(); ++i) {
    const ParseContext item = resources.item("listeners", static_cast<int>(i));
    check_cluster_references(*snapshot->listeners[i], *snapshot, item);
    check_sources(*snapshot->listeners[i], *snapshot, item);
  }
  for (std::size_t i = 0; i < snapshot->clusters.size(); ++i)
    check_sources(*snapshot->clusters[i], *snapshot,
                  resources.item("clusters", static_cast<int>(i)));

  if (root.diagnostics().has_errors()) return refusal(root.diagnostics());
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

}  // namespace weir::config
