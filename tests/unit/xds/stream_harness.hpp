// SPDX-License-Identifier: Apache-2.0
// StreamHarness: a DiscoveryStream between a scripted control plane and a consumer that takes
// notes.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "proxy/xds/discovery_stream.hpp"

namespace weir::xds {

using namespace std::chrono_literals;
namespace discovery = envoy::service::discovery::v3;
using Names = std::vector<std::string>;

inline constexpr auto kCds = ResourceType::cluster;
inline constexpr auto kEds = ResourceType::endpoints;
inline constexpr auto kLds = ResourceType::listener;
inline constexpr auto kRds = ResourceType::route;

/// A body of `type` that holds a name and nothing else.
inline google::protobuf::Any body(ResourceType type, const std::string& name) {
  google::protobuf::Any any;
  any.set_type_url(std::string(type_url(type)));
  any.set_value(std::string("\x0a") + static_cast<char>(name.size()) + name);
  return any;
}

inline discovery::DiscoveryResponse sotw(ResourceType type, const std::string& version,
                                         const std::string& nonce, const Names& names) {
  discovery::DiscoveryResponse response;
  response.set_type_url(std::string(type_url(type)));
  response.set_version_info(version);
  response.set_nonce(nonce);
  for (const auto& name : names) *response.add_resources() = body(type, name);
  return response;
}

/// `names`: "a=1" is resource a in version 1.
inline discovery::DeltaDiscoveryResponse delta(ResourceType type, const std::string& nonce,
                                               const Names& names, const Names& removed = {}) {
  discovery::DeltaDiscoveryResponse response;
  response.set_type_url(std::string(type_url(type)));
  response.set_nonce(nonce);
  for (const auto& name : names) {
    const auto equals = name.find('=');
    auto& resource = *response.add_resources();
    resource.set_name(name.substr(0, equals));
    resource.set_version(name.substr(equals + 1));
    *resource.mutable_resource() = body(type, resource.name());
  }
  for (const auto& name : removed) response.add_removed_resources(name);
  return response;
}

template <class List>
std::string join(const List& list) {
  std::string text;
  for (const auto& one : list) text += (text.empty() ? "" : ",") + std::string(one);
  return text;
}

inline std::string describe(const discovery::DiscoveryRequest& request) {
  std::string text(short_name(*find_resource_type(request.type_url())));
  text += " v=" + request.version_info() + " n=" + request.response_nonce() + " [" +
          join(request.resource_names()) + "]";
  if (request.has_node()) text += " node=" + request.node().id();
  if (request.has_error_detail())
    text += " NACK " + std::to_string(request.error_detail().code()) + " " +
            request.error_detail().message();
  return text;
}

inline std::string describe(const discovery::DeltaDiscoveryRequest& request) {
  std::string text(short_name(*find_resource_type(request.type_url())));
  text += " n=" + request.response_nonce();
  if (request.resource_names_subscribe_size() > 0)
    text += " +[" + join(request.resource_names_subscribe()) + "]";
  if (request.resource_names_unsubscribe_size() > 0)
    text += " -[" + join(request.resource_names_unsubscribe()) + "]";
  const std::map<std::string, std::string> versions(request.initial_resource_versions().begin(),
                                                    request.initial_resource_versions().end());
  for (const auto& [name, version] : versions) text += " " + name + "=" + version;
  if (request.has_node()) text += " node=" + request.node().id();
  if (request.has_error_detail())
    text += " NACK " + std::to_string(request.error_detail().code()) + " " +
            request.error_detail().message();
  return text;
}

class StreamHarness final : public Consumer, public StreamEvents {
 public:
  explicit StreamHarness(Protocol protocol, StreamOptions options = {}) {
    options.protocol = protocol;
    options.node.set_id("me");
    options.node_on_first_message_only = true;
    stream.emplace(options, *this, *this, [this] { return random; });
    for (const auto type : kResourceTypes) stream->add_type(type, 15s);
  }

  std::vector<ResourceError> apply(ResourceType type, std::vector<Resource> added,
                                   std::vector<std::string> removed) override {
    std::string line(short_name(type));
    for (const auto& resource : added) line += " +" + resource.name + "=" + resource.version;
    for (const auto& name : removed) line += " -" + name;
    applied.push_back(line);
    if (on_apply) on_apply(type);
    std::vector<ResourceError> errors;
    for (const auto& resource : added)
      if (const auto at = bad.find(resource.name); at != bad.end())
        errors.push_back({resource.name, "field", at->second});
    return errors;
  }
  void on_fetch_timeout(ResourceType type, const Names& names) override {
    notes.push_back("timeout " + std::string(short_name(type)) + " " + join(names));
  }
  void on_connected() override { notes.emplace_back("connected"); }
  void on_disconnected(std::string_view reason, std::chrono::milliseconds retry) override {
    notes.push_back("disconnected " + std::string(reason) + " " + std::to_string(retry.count()));
  }
  void on_accepted(ResourceType type, std::string_view version) override {
    notes.push_back(std::string(short_name(type)) + " accepted " + std::string(version));
  }
  void on_rejected(ResourceType type, std::string_view version,
                   std::string_view complaint) override {
    notes.push_back(std::string(short_name(type)) + " rejected " + std::string(version) + " " +
                    std::string(complaint));
  }
  void on_ignored(std::string_view type) override {
    notes.push_back("ignored " + std::string(type));
  }

  void want(ResourceType type, const Names& names) { stream->subscribe(type, names, now); }
  void drop(ResourceType type, const Names& names) { stream->unsubscribe(type, names); }
  /// All that the stream asks for now.
  Names requests() {
    Names lines;
    while (auto bytes = stream->next_request(now)) {
      if (stream->protocol() == Protocol::sotw) {
        discovery::DiscoveryRequest request;
        lines.push_back(request.ParseFromString(*bytes) ? describe(request) : "no request");
      } else {
        discovery::DeltaDiscoveryRequest request;
        lines.push_back(request.ParseFromString(*bytes) ? describe(request) : "no request");
      }
    }
    return lines;
  }
  Names open() {
    stream->on_open();
    return requests();
  }
  template <class Message>
  Names answer(const Message& message) {
    const auto taken = stream->on_message(message.SerializeAsString(), now);
    if (!taken) return {"broken: " + taken.error().message};
    return requests();
  }
  void reconnect() {
    stream->on_closed("gone", now);
    now += 60s;
    stream->on_time(now);
  }
  Names take_notes() { return std::exchange(notes, {}); }
  Names take_applied() { return std::exchange(applied, {}); }

  std::uint64_t random = 0;
  TimePoint now{1h};
  std::map<std::string, std::string> bad;  // name, why it is refused
  std::function<void(ResourceType)> on_apply;
  Names applied;
  Names notes;
  std::optional<DiscoveryStream> stream;
};

}  // namespace weir::xds
