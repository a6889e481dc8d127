// SPDX-License-Identifier: Apache-2.0
// LiveConfiguration: keeps a running server's configuration what its sources say.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/discovery/directory_watch.hpp"
#include "proxy/discovery/file_source.hpp"
#include "proxy/discovery/resource_store.hpp"
#include "proxy/server/server.hpp"

namespace weir::discovery {

/// Reads every file once, so that a server can begin with what they say. Problems are told by
/// LiveConfiguration::start().
void load_files(ResourceStore& store);

/// Sources → ResourceStore → server. What is refused is logged with its place, counted, and kept in
/// the store's error states; what was before stays in force. Main thread.
class LiveConfiguration {
 public:
  /// `store` and `server` outlive it; the server was prepared with the store's snapshot.
  LiveConfiguration(ResourceStore& store, server::Server& server)
      : store_(store), server_(server), published_(store.snapshot()) {}

  /// Follows every source from now on. Error: a file cannot be watched.
  Result<void> start();

  /// From any source: applies what is valid, and hands the change to the server.
  std::vector<Rejection> update(const Update& update);

 private:
  Result<void> follow(ResourceType type, const config::ConfigSource& source);
  void follow_endpoints();
  void on_text(ResourceType type, const std::string& path, Result<std::string> text);
  stats::Counter* counter(ResourceType type, std::string_view field);
  void show_counters(ResourceType type);
  void count(ResourceType type, std::string_view field);
  void count_version(ResourceType type, const std::string& version);
  void publish();
  void give_endpoints(const std::string& cluster, std::string_view eds_name);
  void endpoints_changed(const std::vector<std::string>& names,
                         const std::vector<Rejection>& rejections);

  ResourceStore& store_;
  server::Server& server_;
  std::shared_ptr<const config::Snapshot> published_;
  std::unique_ptr<DirectoryWatch> watch_;
  std::map<std::pair<ResourceType, std::string>, std::unique_ptr<FileSource>> files_;  // by path
  std::unordered_multimap<std::string, std::shared_ptr<const config::ClusterConfig>>
      eds_clusters_;  // by eds_name
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weir::discovery
