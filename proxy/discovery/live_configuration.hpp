// SPDX-License-Identifier: Apache-2.0
// LiveConfiguration: keeps a running server's configuration what its sources say.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <asio/steady_timer.hpp>

#include "proxy/discovery/last_good.hpp"
#include "proxy/discovery/resource_store.hpp"
#include "proxy/discovery/source_counters.hpp"
#include "proxy/discovery/sources.hpp"
#include "proxy/server/server.hpp"

namespace weir::discovery {

/// Sources → ResourceStore → server. What is refused is logged with its place, counted, and kept in
/// the store's error states; what was before stays in force. Main thread.
class LiveConfiguration final : SourceUser {
 public:
  /// How long a copy of the last good state waits for a control plane that neither answers nor
  /// refuses.
  static constexpr std::chrono::milliseconds kPatience{2000};

  /// `store` and `server` outlive it; the server was prepared with the store's snapshot.
  LiveConfiguration(ResourceStore& store, server::Server& server)
      : store_(store),
        server_(server),
        published_(store.snapshot()),
        counters_(server.stats_store()),
        patience_(server.io()),
        sources_(server, *this) {}

  /// Follows every source from now on. The server serves nothing before control planes have said
  /// what clusters and listeners there are, or were given the time to. Error: a file cannot be
  /// watched.
  Result<void> start();
  /// Before start(): what control planes say is kept in `directory`, and what is there from an
  /// earlier run serves until they answer.
  void keep_last_good(const std::string& directory);

 private:
  using Outcome = ResourceStore::Outcome;

  std::vector<Rejection> update(const Update& update) override;
  void on_response(ResourceType type, std::string_view version, bool accepted) override;
  void on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) override;
  void on_problem(ResourceType type, const std::string& source, std::string text) override {
    store_.note_failure(type, source, std::move(text));
  }
  void on_lost(ResourceType type) override;
  void on_stream(const std::string& control_plane, std::string problem) override;

  Result<void> follow(ResourceType type, const config::ConfigSource& source);
  void follow_endpoints();
  void forget_endpoints(std::vector<std::string> eds_names);
  void follow_route_tables();
  void forget_route_tables(std::vector<std::string> names);
  void publish(ResourceType changed);
  void give_endpoints(const std::string& cluster, std::string_view eds_name);
  void endpoints_changed(const Update& update, const ResourceStore::Outcome& outcome);
  void route_tables_changed(const Update& update, const ResourceStore::Outcome& outcome);
  void do_without(const std::vector<std::string>& route_tables);
  void wait_for_route_table(const std::string& name);
  [[nodiscard]] bool waits_for_clusters(const route::RouteTable& table) const;
  void give_held_route_tables();
  void count_route_table(const std::string& name, std::initializer_list<std::string_view> fields);
  Outcome apply(const Update& update);
  void try_again(ResourceType changed);
  void note_refused(const std::vector<server::ListenerManager::Rejection>& refused);
  void use_copy(std::string_view why);
  void take_copied(Update update);
  [[nodiscard]] bool misses(ResourceType type, const std::string& name) const;
  void replaces_copy(ResourceType type);
  [[nodiscard]] std::vector<std::string> readiness() const;
  void answered(ResourceType type);
  void release_start();

  ResourceStore& store_;
  server::Server& server_;
  std::shared_ptr<const config::Snapshot> published_;
  const config::Snapshot* applying_ = nullptr;  // published, and on its way
  SourceCounters counters_;
  std::unordered_multimap<std::string, std::shared_ptr<const config::ClusterConfig>>
      eds_clusters_;  // by eds_name
  /// Who uses a route table.
  struct RouteUse {
    std::set<std::string> prefixes;  // of statistics
    std::chrono::milliseconds fetch_timeout{0};
  };
  std::map<std::string, RouteUse> route_users_;
  std::set<std::string> held_route_tables_;  // until clusters are ready
  std::set<ResourceType> unanswered_;        // the start waits for them
  std::set<ResourceType> unconfirmed_;       // clusters, listeners: no control plane has said any
  bool listeners_come_later_ = false;        // they are asked for when clusters were answered
  bool start_held_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, std::string> problems_;  // of streams that are not open
  std::optional<LastGood> found_;                // a copy, as long as it may be needed
  std::set<ResourceType> copied_;                // what is in force is of the copy
  asio::steady_timer patience_;
  Sources sources_;
  std::unique_ptr<LastGoodCopy> copy_;  // null: none is kept
};

}  // namespace weir::discovery
