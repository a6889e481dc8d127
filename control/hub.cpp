// SPDX-License-Identifier: Apache-2.0
#include "control/hub.hpp"

#include <algorithm>
#include <array>

#include "common/log.hpp"
#include "control/build_resources.hpp"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {
namespace {

struct ServiceName {
  std::string_view service;
  std::string_view plural;  // "Stream" + plural
  std::optional<ResourceType> only;
};
constexpr std::array<ServiceName, 5> kServices{
    {{"/envoy.service.discovery.v3.AggregatedDiscoveryService/", "AggregatedResources", {}},
     {"/envoy.service.cluster.v3.ClusterDiscoveryService/", "Clusters", ResourceType::cluster},
     {"/envoy.service.endpoint.v3.EndpointDiscoveryService/", "Endpoints", ResourceType::endpoint},
     {"/envoy.service.listener.v3.ListenerDiscoveryService/", "Listeners", ResourceType::listener},
     {"/envoy.service.route.v3.RouteDiscoveryService/", "Routes", ResourceType::route}}};

/// The node of a request of either form: `node` is field 2 of one and field 1 of the other.
NodeIdentity node_of(Form form, const std::string& message) {
  if (form == Form::delta) {
    envoy::service::discovery::v3::DeltaDiscoveryRequest request;
    return request.ParseFromString(message) ? node_from_proto(request.node()) : NodeIdentity{};
  }
  envoy::service::discovery::v3::DiscoveryRequest request;
  return request.ParseFromString(message) ? node_from_proto(request.node()) : NodeIdentity{};
}

}  // namespace

std::optional<Method> method_from_path(std::string_view path) {
  for (const ServiceName& one : kServices) {
    if (!path.starts_with(one.service)) continue;
    path.remove_prefix(one.service.size());
    if (!path.ends_with(one.plural)) return std::nullopt;
    path.remove_suffix(one.plural.size());
    if (path == "Stream") return Method{Form::sotw, one.only};
    if (path == "Delta") return Method{Form::delta, one.only};
    if (path == "Fetch" && one.only) return Method{Form::fetch, one.only};
    return std::nullopt;
  }
  return std::nullopt;
}

std::string fetch_path(ResourceType type) {
  for (const ServiceName& one : kServices)
    if (one.only == type) return std::string(one.service) + "Fetch" + std::string(one.plural);
  return "";
}

SharedSet Hub::set_for(const NodeIdentity& node) {
  SharedSet& set = sets_[node];
  if (set == nullptr) set = std::make_shared<ResourceSet>(build_resources(node, *registry_));
  return set;
}

std::vector<Hub::Outgoing> Hub::update(std::shared_ptr<const Registry> registry) {
  registry_ = std::move(registry);
  sets_.clear();
  std::vector<Outgoing> out;
  for (auto& [id, stream] : streams_) {
    if (!stream.node || stream.session == nullptr) continue;
    Messages messages = stream.session->on_update(set_for(*stream.node));
    if (!messages.empty()) out.push_back({id, std::move(messages)});
  }
  return out;
}

void Hub::open(StreamId id, const Method& method, std::string peer) {
  Stream& stream = streams_[id];
  stream.method = method;
  stream.peer = std::move(peer);
  if (method.form == Form::sotw) stream.session = make_sotw_session(method.only);
  if (method.form == Form::delta) stream.session = make_delta_session(method.only);
}

Result<Messages> Hub::receive(StreamId id, const std::string& message) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return Messages{};
  Stream& stream = found->second;
  if (!stream.node) {
    stream.node = node_of(stream.method.form, message);
    log::debug(log::Component::main, "node '{}' from {}: connected", stream.node->id, stream.peer);
  }
  return answer(stream, message);
}

Result<Messages> Hub::answer(Stream& stream, const std::string& message) {
  const SharedSet set = set_for(*stream.node);
  if (stream.session == nullptr) {
    TRY(std::string response, answer_fetch(message, stream.method.only, *set));
    Messages out;
    out.push_back(std::move(response));
    return out;
  }
  std::array<std::string, kResourceTypeCount> before;
  for (const ResourceType type : kResourceTypes)
    before[static_cast<std::size_t>(type)] = stream.session->status(type).error;
  TRY(Messages out, stream.session->on_request(message, set));
  for (const ResourceType type : kResourceTypes) {
    const TypeStatus& status = stream.session->status(type);
    if (!status.error.empty() && status.error != before[static_cast<std::size_t>(type)])
      log_refusal(stream, status, type);
  }
  return out;
}

void Hub::log_refusal(const Stream& stream, const TypeStatus& status, ResourceType type) {
  log::warning(log::Component::main, "node '{}' refused {} version {}: {}", stream.node->id,
               short_name(type), status.version, status.error);
}

void Hub::close(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  const auto node = found->second.node;
  streams_.erase(found);
  // The last stream of a node takes what was built for it along.
  const bool is_used = std::any_of(streams_.begin(), streams_.end(), [&](const auto& other) {
    return node && other.second.node == node;
  });
  if (node && !is_used) sets_.erase(*node);
}

std::vector<NodeStatus> Hub::nodes() const {
  std::map<std::string, NodeStatus> by_id;
  for (const auto& [id, stream] : streams_) {
    if (!stream.node || stream.session == nullptr) continue;
    NodeStatus& node = by_id[stream.node->id];
    node.id = stream.node->id;
    node.peer = stream.peer;
    for (const ResourceType type : kResourceTypes)
      if (const TypeStatus& status = stream.session->status(type); status.asked)
        node.types[static_cast<std::size_t>(type)] = status;
  }
  std::vector<NodeStatus> out;
  for (auto& [id, node] : by_id) out.push_back(std::move(node));
  return out;
}

}  // namespace weir::control
