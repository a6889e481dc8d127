// SPDX-License-Identifier: Apache-2.0
// ResourceStore: the last good version of every resource, and the Snapshot that they make up.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/bootstrap.hpp"
#include "proxy/discovery/resource.hpp"
#include "proxy/route/route_table.hpp"

namespace weir::discovery {

/// Where all sources meet. A resource that is refused keeps its last good version, and those that
/// came with it are applied. A resource that has not changed stays the same object. Main thread.
class ResourceStore {
 public:
  using Clock = std::chrono::system_clock;

  /// The last version that was refused.
  struct ErrorState {
    std::string version;
    std::string text;
    Clock::time_point time;
    std::shared_ptr<const google::protobuf::Any> body = nullptr;  // null = unknown
    bool of_stored = false;  // the stored version itself was refused by the server
  };
  template <class Config>
  struct Stored {
    std::shared_ptr<const Config> config;  // null: no version was good yet
    std::string version;
    std::uint64_t fingerprint = 0;
    Clock::time_point updated;
    std::shared_ptr<const ErrorState> error;  // null: none
    /// What `config` was made from; null for endpoints, which the hosts of their clusters show,
    /// unless keep_endpoint_messages().
    std::shared_ptr<const config::ConfigOrigin> origin = nullptr;
  };
  using Endpoints = std::vector<config::EndpointConfig>;
  template <class Config>
  using Resources = std::map<std::string, Stored<Config>, std::less<>>;  // by name

  /// `fixed`: what the bootstrap says; its resources cannot be changed.
  ResourceStore(std::shared_ptr<const config::Snapshot> fixed,
                const config::FilterRegistry& registry, config::ListenerCheck check)
      : fixed_(std::move(fixed)), registry_(registry), check_(check), snapshot_(fixed_) {}

  /// From now on.
  void keep_endpoint_messages() { keeps_endpoint_messages_ = true; }

  struct Outcome {
    std::vector<Rejection> rejections;
    std::vector<std::string> changed;  // names that have a new version, or are gone
  };
  Outcome update(const Update& update);

  /// Resources that were refused only for the sake of others (a cluster was not there, another
  /// listener had the address), when something of `changed`, clusters or listeners, has changed:
  /// they may be good now. At most one update a type.
  [[nodiscard]] std::vector<Update> second_tries(ResourceType changed) const;

  /// The listener could not be had after all: its address was not to be bound.
  void refuse_listener(std::string_view name, std::string text);
  /// It could be had now.
  void accept_listener(std::string_view name);

  /// A source that could not be read or understood as a whole: "" = it is well again. `source`
  /// tells it from others of the type.
  void note_failure(ResourceType type, const std::string& source, std::string text);
  struct SourceFailure {
    std::string text;
    Clock::time_point time;
  };
  using Failures = std::map<std::pair<ResourceType, std::string>, SourceFailure>;
  [[nodiscard]] const Failures& failures() const noexcept { return failures_; }
  /// Of the last update of the type in which nothing was refused; "" = there was none.
  [[nodiscard]] std::string_view version(ResourceType type) const;

  /// What the bootstrap and the resources make up now. The same object as long as no cluster and
  /// no listener changes.
  [[nodiscard]] const std::shared_ptr<const config::Snapshot>& snapshot() const noexcept {
    return snapshot_;
  }
  /// By ClusterConfig::eds_name(); nullptr: none have come.
  [[nodiscard]] const Endpoints* find_endpoints(std::string_view eds_name) const;
  /// nullptr: none has come.
  [[nodiscard]] std::shared_ptr<const route::RouteTable> find_route_table(
      std::string_view name) const;
  void forget_route_table(const std::string& name) { route_tables_.erase(name); }
  /// Otherwise endpoints stay, whatever is said to be removed: a cluster never loses its last ones.
  void forget_endpoints(const std::string& eds_name) { endpoints_.erase(eds_name); }

  [[nodiscard]] const Resources<config::ClusterConfig>& clusters() const { return clusters_; }
  [[nodiscard]] const Resources<config::ListenerConfig>& listeners() const { return listeners_; }
  [[nodiscard]] const Resources<Endpoints>& endpoints() const { return endpoints_; }
  [[nodiscard]] const Resources<route::RouteTable>& route_tables() const { return route_tables_; }

 private:
  using Names = std::set<std::string>;
  template <class Kind>
  void take(const Update& update, const Resource& resource,
            Resources<typename Kind::Config>& stored, Names& mentioned, Outcome& outcome);
  template <class Config>
  static void refuse(Rejection rejection, const std::string& version, Resources<Config>& stored,
                     Outcome& outcome);
  void undo_conflicts(const Resources<config::ListenerConfig>& before, Outcome& outcome);
  void give_back(const std::string& name, const config::ListenerConfig& to,
                 const Resources<config::ListenerConfig>& before, Outcome& outcome);
  void forget_tries(const Update& update, const Names& mentioned);
  template <class Kind>
  Outcome update_kind(const Update& update, Resources<typename Kind::Config>& stored);
  Outcome update_type(const Update& update);
  void rebuild();

  const std::shared_ptr<const config::Snapshot> fixed_;
  const config::FilterRegistry& registry_;
  const config::ListenerCheck check_;
  Resources<config::ClusterConfig> clusters_;
  Resources<config::ListenerConfig> listeners_;
  Resources<Endpoints> endpoints_;
  Resources<route::RouteTable> route_tables_;
  std::map<ResourceType, std::string> versions_;
  Failures failures_;
  struct Try {
    Resource resource;
    ResourceType waits_for = ResourceType::cluster;
  };
  std::map<std::pair<ResourceType, std::string>, Try> tries_;
  std::shared_ptr<const config::Snapshot> snapshot_;
  bool keeps_endpoint_messages_ = false;
};

}  // namespace weir::discovery
