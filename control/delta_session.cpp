// SPDX-License-Identifier: Apache-2.0
// Delta: a response holds what changed since the client last heard of it.
#include "control/session.hpp"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {
namespace {

using envoy::service::discovery::v3::DeltaDiscoveryRequest;
using envoy::service::discovery::v3::DeltaDiscoveryResponse;

struct Watch {
  bool active = false;
  bool wildcard = false;
  std::set<std::string, std::less<>> names;
  std::map<std::string, std::string, std::less<>> known;  // name → version that the client has

  [[nodiscard]] bool covers(std::string_view name) const {
    return wildcard || names.find(name) != names.end();
  }
};

enum class Removals : std::uint8_t { now, later };

class DeltaSession final : public Session {
 public:
  explicit DeltaSession(std::optional<ResourceType> only) : Session(only) {}

  Result<Messages> on_request(const std::string& message, const SharedSet& now) override {
    DeltaDiscoveryRequest request;
    if (!request.ParseFromString(message)) return Error{"not a DeltaDiscoveryRequest"};
    TRY(const std::optional<ResourceType> type, type_of(request.type_url()));
    if (!type) return Messages{};
    last_ = now;
    return answer(*type, request, now->of(*type));
  }

  Messages on_update(const SharedSet& now) override {
    Messages out;
    forget_endpoints_of_changed_clusters(*now);
    last_ = now;
    for (const ResourceType type : kResourceTypes)
      if (watch_of(type).active)
        send_changes(type, now->of(type),
                     type == ResourceType::cluster ? Removals::later : Removals::now, out);
    if (watch_of(ResourceType::cluster).active)
      send_changes(ResourceType::cluster, now->of(ResourceType::cluster), Removals::now, out);
    return out;
  }

 private:
  /// A changed cluster waits for its endpoints before it serves, and does not ask for them: the
  /// client has subscribed to them already. So they are sent again, after it.
  void forget_endpoints_of_changed_clusters(const ResourceSet& now) {
    Watch& endpoints = watch_of(ResourceType::endpoint);
    if (last_ == nullptr || endpoints.known.empty()) return;
    const Resources& before = last_->of(ResourceType::cluster);
    for (const auto& [name, resource] : now.of(ResourceType::cluster)) {
      const auto old = before.find(name);
      if (old == before.end() || old->second->version == resource->version) continue;
      envoy::config::cluster::v3::Cluster cluster;
      if (!cluster.ParseFromString(resource->content)) continue;
      const std::string& wanted = cluster.eds_cluster_config().service_name();
      // Known in no version: sent again where it is there, and told of where it is gone.
      const auto known = endpoints.known.find(wanted.empty() ? name : wanted);
      if (known != endpoints.known.end()) known->second.clear();
    }
  }

  Watch& watch_of(ResourceType type) { return watches_[static_cast<std::size_t>(type)]; }

  Messages answer(ResourceType type, const DeltaDiscoveryRequest& request, const Resources& all) {
    Messages out;
    Watch& watch = watch_of(type);
    const bool is_first = !watch.active;
    const std::string& error = request.error_detail().message();
    status_of(type).asked = true;
    if (!is_first)
      note_answer(type, request.response_nonce(), request.has_error_detail() ? &error : nullptr);
    if (is_first) start(type, request, watch);
    std::set<std::string> missing;
    for (const std::string& name : request.resource_names_subscribe()) {
      if (name == "*") {
        watch.wildcard = true;
        continue;
      }
      watch.names.insert(name);
      // Who asks gets an answer, even for what it had before.
      if (!is_first || !request.initial_resource_versions().contains(name)) watch.known.erase(name);
      if (all.find(name) == all.end()) missing.insert(name);
    }
    unsubscribe(request, watch);
    watch.active = watch.wildcard || !watch.names.empty();
    if (!watch.active) {
      watch = {};
      status_of(type) = {};
      return out;
    }
    if (is_first || !request.resource_names_subscribe().empty())
      send(type, changes(watch, all, Removals::now, missing), out);
    return out;
  }

  static void start(ResourceType type, const DeltaDiscoveryRequest& request, Watch& watch) {
    watch.wildcard = has_wildcard(type) && request.resource_names_subscribe().empty();
    for (const auto& [name, version] : request.initial_resource_versions())
      watch.known[name] = version;
  }

  static void unsubscribe(const DeltaDiscoveryRequest& request, Watch& watch) {
    for (const std::string& name : request.resource_names_unsubscribe()) {
      if (name == "*") watch.wildcard = false;
      watch.names.erase(name);
      if (!watch.covers(name)) watch.known.erase(name);
    }
    if (!watch.wildcard)
      std::erase_if(watch.known, [&](const auto& entry) { return !watch.covers(entry.first); });
  }

  /// What the client lacks, noted as known from here on.
  static DeltaDiscoveryResponse changes(Watch& watch, const Resources& all, Removals removals,
                                        const std::set<std::string>& missing) {
    DeltaDiscoveryResponse out;
    const auto add = [&](const Resources::value_type& entry) {
      std::string& known = watch.known[entry.first];
      if (known == entry.second->version) return;
      known = entry.second->version;
      auto& resource = *out.add_resources();
      resource.set_name(entry.first);
      resource.set_version(known);
      resource.mutable_resource()->set_value(entry.second->content);
    };
    if (watch.wildcard) {
      for (const auto& entry : all) add(entry);
    } else {
      for (const std::string& name : watch.names)
        if (const auto found = all.find(name); found != all.end()) add(*found);
    }
    for (const std::string& name : missing) out.add_removed_resources(name);
    if (removals == Removals::now)
      std::erase_if(watch.known, [&](const auto& entry) {
        if (all.find(entry.first) != all.end()) return false;
        if (!missing.contains(entry.first)) out.add_removed_resources(entry.first);
        return true;
      });
    return out;
  }

  void send_changes(ResourceType type, const Resources& all, Removals removals, Messages& out) {
    DeltaDiscoveryResponse response = changes(watch_of(type), all, removals, {});
    if (!response.resources().empty() || !response.removed_resources().empty())
      send(type, std::move(response), out);
  }

  void send(ResourceType type, DeltaDiscoveryResponse response, Messages& out) {
    response.set_type_url(std::string(type_url(type)));
    for (auto& resource : *response.mutable_resources())
      resource.mutable_resource()->set_type_url(response.type_url());
    std::string versions;
    for (const auto& [name, version] : watch_of(type).known) versions += name + '\n' + version;
    response.set_system_version_info(content_hash(versions));
    response.set_nonce(note_sent(type, response.system_version_info()));
    out.push_back(response.SerializeAsString());
  }

  std::array<Watch, kResourceTypeCount> watches_;
  SharedSet last_;
};

}  // namespace

std::unique_ptr<Session> make_delta_session(std::optional<ResourceType> only) {
  return std::make_unique<DeltaSession>(only);
}

}  // namespace weir::control
