// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/resource_store.hpp"

#include <functional>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "proxy/config/cluster_from_proto.hpp"
#include "proxy/config/endpoints_from_proto.hpp"
#include "proxy/config/enum_values.hpp"
#include "proxy/config/fingerprint.hpp"
#include "proxy/config/listener_from_proto.hpp"
#include "proxy/config/route_from_proto.hpp"
#include "proxy/config/snapshot_checks.hpp"

namespace weir::discovery {
namespace {

using config::ParseContext;
using google::protobuf::Any;

/// What a conversion may look at.
struct Surroundings {
  const config::Snapshot& fixed;
  const config::Snapshot& now;  // the bootstrap and every resource before this update
  const config::FilterRegistry& registry;
  config::ListenerCheck check;
  bool& only_clusters_miss;  // set: nothing else is wrong with it
};

struct ClusterKind {
  using Config = config::ClusterConfig;
  using Proto = envoy::config::cluster::v3::Cluster;
  static std::string name_of(const Proto& proto) { return proto.name(); }
  static std::shared_ptr<Config> convert(const Proto& proto, const Surroundings& around,
                                         const ParseContext& context) {
    if (around.fixed.find_cluster(proto.name()))
      context.error("cluster '" + proto.name() + "' is static: it cannot be changed");
    auto cluster = std::make_shared<Config>(config::cluster_from_proto(proto, context));
    config::check_sources(*cluster, around.fixed, context);
    return cluster;
  }
};

struct EndpointsKind {
  using Config = ResourceStore::Endpoints;
  using Proto = envoy::config::endpoint::v3::ClusterLoadAssignment;
  static std::string name_of(const Proto& proto) { return proto.cluster_name(); }
  static std::shared_ptr<Config> convert(const Proto& proto, const Surroundings&,
                                         const ParseContext& context) {
    return std::make_shared<Config>(
        config::endpoints_from_proto(proto, config::DiscoveryType::eds, context));
  }
};

bool is_named(const std::vector<std::shared_ptr<const config::ListenerConfig>>& listeners,
              const std::string& name) {
  for (const auto& listener : listeners)
    if (listener->name == name) return true;
  return false;
}

struct ListenerKind {
  using Config = config::ListenerConfig;
  using Proto = envoy::config::listener::v3::Listener;
  static std::string name_of(const Proto& proto) { return proto.name(); }
  static std::shared_ptr<Config> convert(const Proto& proto, const Surroundings& around,
                                         const ParseContext& context) {
    auto listener =
        std::make_shared<Config>(config::listener_from_proto(proto, around.registry, context));
    if (is_named(around.fixed.listeners, listener->name))
      context.error("listener '" + listener->name + "' is static: it cannot be changed");
    const auto limit = around.fixed.listener_connection_limits.find(listener->name);
    if (limit != around.fixed.listener_connection_limits.end())
      listener->connection_limit = limit->second;
    if (context.diagnostics().has_errors()) return listener;
    if (around.check != nullptr)
      if (const auto checked = around.check(*listener); !checked)
        context.error(checked.error().message);
    const bool well = !context.diagnostics().has_errors();
    config::check_cluster_references(*listener, around.now, context);
    around.only_clusters_miss = well && context.diagnostics().has_errors();
    config::check_sources(*listener, around.fixed, context);
    return listener;
  }
};

struct RouteKind {
  using Config = route::RouteTable;
  using Proto = envoy::config::route::v3::RouteConfiguration;
  static std::string name_of(const Proto& proto) { return proto.name(); }
  static std::shared_ptr<const Config> convert(const Proto& proto, const Surroundings& around,
                                               const ParseContext& context) {
    auto table = config::route_table_from_proto(proto, around.registry, context);
    // Unlike the routes of a listener's own, these may be there before their clusters.
    if (table == nullptr || !proto.validate_clusters().value()) return table;
    const auto exists = [&](const std::string& name) {
      return around.now.find_cluster(name).has_value();
    };
    const bool well = !context.diagnostics().has_errors();
    for (const std::string& text : table->config().check_clusters(exists)) context.error(text);
    around.only_clusters_miss = well && context.diagnostics().has_errors();
    return table;
  }
};

/// Only errors: what is left of a resource that was refused is not used.
std::string text_of(const config::Diagnostics& diagnostics) {
  return diagnostics.to_string(config::Severity::error);
}

std::shared_ptr<const Any> body_of(const config::ListenerConfig& listener) {
  if (listener.origin == nullptr) return nullptr;
  auto body = std::make_shared<Any>();
  body->set_type_url(std::string(type_url(ResourceType::listener)));
  body->set_value(listener.origin->message);
  return body;
}

std::string_view type_name(std::string_view url) { return url.substr(url.rfind('/') + 1); }

/// A message of the type in `body`, or why there is none.
template <class Kind>
std::optional<typename Kind::Proto> unpack(const Any& body, const ParseContext& context) {
  typename Kind::Proto proto;
  const std::string& wanted = proto.GetDescriptor()->full_name();
  if (type_name(body.type_url()) != wanted) {
    context.error("type '" + body.type_url() + "': expected " + wanted);
    return std::nullopt;
  }
  if (!proto.ParseFromString(body.value())) {
    context.error("is not a message of type " + wanted);
    return std::nullopt;
  }
  return proto;
}

/// Nothing goes for being left out while somebody is refused whose name nobody knows: it may be he.
std::vector<std::string> names_to_remove(const Update& update, auto& stored,
                                         const std::set<std::string>& mentioned) {
  std::vector<std::string> gone = update.removed;
  if (update.full_state && !mentioned.contains(""))
    for (const auto& [name, resource] : stored)
      if (!mentioned.contains(name)) gone.push_back(name);
  return gone;
}

}  // namespace

template <class Kind>
void ResourceStore::take(const Update& update, const Resource& resource,
                         Resources<typename Kind::Config>& stored, Names& mentioned,
                         Outcome& outcome) {
  static const config::SourceMap kNoSources;
  config::Diagnostics diagnostics;
  const ParseContext root(diagnostics, update.sources != nullptr ? *update.sources : kNoSources);
  const ParseContext inside = resource.path.empty() ? root : root.field(resource.path);
  const std::string& version = resource.version.empty() ? update.version : resource.version;
  const auto proto = unpack<Kind>(resource.body, inside);
  std::string name = resource.name;
  if (proto && name.empty()) name = Kind::name_of(*proto);
  const bool first = mentioned.insert(name).second;
  if (proto && name.empty())
    inside.error("has no name");
  else if (proto && Kind::name_of(*proto) != name)  // it would take another one's place
    inside.error("is called '" + Kind::name_of(*proto) + "' inside");
  else if (proto && !first)
    inside.error("duplicate resource '" + name + "' found");
  if (first) tries_.erase({update.type, name});
  const std::uint64_t fingerprint = proto ? config::fingerprint_of(*proto) : 0;
  const auto known = stored.find(name);
  if (!diagnostics.has_errors() && known != stored.end() && known->second.config != nullptr &&
      known->second.fingerprint == fingerprint) {
    known->second.version = version;
    if (known->second.error && !known->second.error->of_stored) known->second.error.reset();
    return;
  }
  if (proto) config::check_enum_values(*proto, inside);
  decltype(Kind::convert({}, std::declval<const Surroundings&>(), inside)) config;
  bool only_clusters_miss = false;
  if (!diagnostics.has_errors())
    config =
        Kind::convert(*proto, {*fixed_, *snapshot_, registry_, check_, only_clusters_miss}, inside);
  if (only_clusters_miss)
    tries_[{update.type, name}] = {{name, version, resource.body, {}}, ResourceType::cluster};
  if (diagnostics.has_errors()) {
    refuse({name, text_of(diagnostics), std::make_shared<Any>(resource.body)}, version, stored,
           outcome);
    return;
  }
  const auto now = Clock::now();
  std::shared_ptr<const config::ConfigOrigin> origin;
  if (!std::is_same_v<Kind, EndpointsKind> || keeps_endpoint_messages_)
    origin = std::make_shared<config::ConfigOrigin>(
        config::ConfigOrigin{version, now, resource.body.value()});
  if constexpr (requires { config->origin; }) config->origin = origin;
  stored[name] = {std::move(config), version, fingerprint, now, nullptr, std::move(origin)};
  outcome.changed.push_back(name);
}

template <class Config>
void ResourceStore::refuse(Rejection rejection, const std::string& version,
                           Resources<Config>& stored, Outcome& outcome) {
  if (!rejection.name.empty())
    stored[rejection.name].error = std::make_shared<ErrorState>(
        ErrorState{version, rejection.text, Clock::now(), rejection.body});
  outcome.rejections.push_back(std::move(rejection));
}

template <class Kind>
ResourceStore::Outcome ResourceStore::update_kind(const Update& update,
                                                  Resources<typename Kind::Config>& stored) {
  Outcome outcome;
  Names mentioned;
  for (const Rejection& rejection : update.rejected) {
    mentioned.insert(rejection.name);
    tries_.erase({update.type, rejection.name});
    refuse(rejection, update.version, stored, outcome);
  }
  for (const Resource& resource : update.changed)
    take<Kind>(update, resource, stored, mentioned, outcome);
  forget_tries(update, mentioned);
  // These go when nobody wants them any more: forget_endpoints(), forget_route_table().
  if constexpr (std::is_same_v<Kind, EndpointsKind> || std::is_same_v<Kind, RouteKind>)
    return outcome;
  for (const std::string& name : names_to_remove(update, stored, mentioned))
    if (stored.erase(name) != 0) outcome.changed.push_back(name);
  return outcome;
}

ResourceStore::Outcome ResourceStore::update(const Update& update) {
  auto outcome = update_type(update);
  if (outcome.rejections.empty()) versions_[update.type] = update.version;
  return outcome;
}

ResourceStore::Outcome ResourceStore::update_type(const Update& update) {
  Outcome outcome;
  switch (update.type) {
    case ResourceType::endpoints:
      return update_kind<EndpointsKind>(update, endpoints_);
    case ResourceType::cluster:
      outcome = update_kind<ClusterKind>(update, clusters_);
      break;
    case ResourceType::listener: {
      const auto before = listeners_;
      outcome = update_kind<ListenerKind>(update, listeners_);
      undo_conflicts(before, outcome);
      break;
    }
    case ResourceType::route:
      return update_kind<RouteKind>(update, route_tables_);
  }
  if (!outcome.changed.empty()) rebuild();
  return outcome;
}

/// Who owns an address is only known when everybody is where he will be. Of two that want the same
/// one, who had it before keeps it, then the first of the update gets it.
void ResourceStore::undo_conflicts(const Resources<config::ListenerConfig>& before,
                                   Outcome& outcome) {
  Names open(outcome.changed.begin(), outcome.changed.end());
  for (bool settled = false; !settled;) {
    settled = true;
    std::vector<std::shared_ptr<const config::ListenerConfig>> others = fixed_->listeners;
    for (const auto& [name, stored] : listeners_)
      if (stored.config != nullptr && !open.contains(name)) others.push_back(stored.config);
    for (const std::string& name : outcome.changed) {
      const auto found = listeners_.find(name);
      if (found == listeners_.end() || !open.contains(name)) continue;
      const auto* const other = config::find_address_conflict(*found->second.config, others);
      if (other != nullptr) {
        give_back(name, *other, before, outcome);
        open.erase(name);
      }
      const auto& config = found->second.config;
      if (config == nullptr) continue;
      // What it goes back to may be in the way of somebody who was before it here.
      settled = settled && config::find_address_conflict(*config, others) == nullptr;
      others.push_back(config);
    }
  }
  std::erase_if(outcome.changed, [&](const std::string& name) { return !open.contains(name); });
}

/// Its new version is refused, since `to` has its address.
void ResourceStore::give_back(const std::string& name, const config::ListenerConfig& to,
                              const Resources<config::ListenerConfig>& before, Outcome& outcome) {
  auto& stored = listeners_.find(name)->second;
  auto body = body_of(*stored.config);
  std::string problem = config::explain_address_conflict(*stored.config) + " '" + to.name +
                        "'; it is taken when that one gives the address up";
  if (body != nullptr)
    tries_[{ResourceType::listener, name}] = {{name, stored.version, *body, {}},
                                              ResourceType::listener};
  const std::string version = stored.version;
  const auto old = before.find(name);
  stored = old != before.end() ? old->second : Stored<config::ListenerConfig>{};
  refuse({name, std::move(problem), std::move(body)}, version, listeners_, outcome);
}

std::vector<Update> ResourceStore::second_tries(ResourceType changed) const {
  std::vector<Update> updates;
  for (const auto& [key, again] : tries_) {
    if (again.waits_for != changed) continue;
    if (updates.empty() || updates.back().type != key.first) {
      updates.emplace_back();
      updates.back().type = key.first;
    }
    updates.back().version = again.resource.version;
    updates.back().changed.push_back(again.resource);
  }
  return updates;
}

void ResourceStore::forget_tries(const Update& update, const Names& mentioned) {
  for (const std::string& name : update.removed) tries_.erase({update.type, name});
  if (update.full_state)
    std::erase_if(tries_, [&](const auto& entry) {
      return entry.first.first == update.type && !mentioned.contains(entry.first.second);
    });
}

void ResourceStore::rebuild() {
  auto fresh = std::make_shared<config::Snapshot>(*fixed_);
  fresh->cluster_index.clear();
  for (const auto& [name, stored] : clusters_)
    if (stored.config != nullptr) fresh->clusters.push_back(stored.config);
  for (std::size_t i = 0; i < fresh->clusters.size(); ++i)
    fresh->cluster_index.emplace(fresh->clusters[i]->name, i);
  for (const auto& [name, stored] : listeners_)
    if (stored.config != nullptr) fresh->listeners.push_back(stored.config);
  snapshot_ = std::move(fresh);
}

void ResourceStore::refuse_listener(std::string_view name, std::string text) {
  const auto found = listeners_.find(name);
  if (found == listeners_.end()) return;
  found->second.error = std::make_shared<ErrorState>(
      ErrorState{found->second.version, std::move(text), Clock::now(),
                 found->second.config != nullptr ? body_of(*found->second.config) : nullptr, true});
}

void ResourceStore::accept_listener(std::string_view name) {
  const auto found = listeners_.find(name);
  if (found != listeners_.end() && found->second.error && found->second.error->of_stored)
    found->second.error.reset();
}

void ResourceStore::note_failure(ResourceType type, const std::string& source, std::string text) {
  if (text.empty())
    failures_.erase({type, source});
  else
    failures_[{type, source}] = {std::move(text), Clock::now()};
}

std::string_view ResourceStore::version(ResourceType type) const {
  const auto found = versions_.find(type);
  return found == versions_.end() ? std::string_view() : found->second;
}

const ResourceStore::Endpoints* ResourceStore::find_endpoints(std::string_view eds_name) const {
  const auto found = endpoints_.find(eds_name);
  return found == endpoints_.end() ? nullptr : found->second.config.get();
}

std::shared_ptr<const route::RouteTable> ResourceStore::find_route_table(
    std::string_view name) const {
  const auto found = route_tables_.find(name);
  return found == route_tables_.end() ? nullptr : found->second.config;
}

}  // namespace weir::discovery
