// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/live_configuration.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_set>
#include <utility>

#include "common/log.hpp"
#include "proxy/config/file_text.hpp"
#include "proxy/config/yaml_document.hpp"
#include "proxy/discovery/resource_file.hpp"

namespace weir::discovery {
namespace {

/// "cluster_manager", "cds": what Envoy counts the updates of a type by.
struct CounterPlace {
  std::string_view group;
  std::string_view prefix;
};

CounterPlace counters_of(ResourceType type) {
  if (type == ResourceType::listener) return {"listener_manager", "lds."};
  return {"cluster_manager", "cds."};
}

void load_file(ResourceStore& store, ResourceType type, const config::ConfigSource& source) {
  const auto text =
      config::read_file(source.path, config::kLargestDocument, config::FileKind::regular);
  if (!text) return;
  const auto parsed = parse_resource_file(source.path, *text, type);
  if (parsed) store.update((*parsed)->update);
}

}  // namespace

void load_files(ResourceStore& store) {
  const auto fixed = store.snapshot();
  if (fixed->cds) load_file(store, ResourceType::cluster, *fixed->cds);
  std::set<std::string> paths;
  for (const auto& cluster : store.snapshot()->clusters)
    if (cluster->eds_source && paths.insert(cluster->eds_source->path).second)
      load_file(store, ResourceType::endpoints, *cluster->eds_source);
  if (fixed->lds) load_file(store, ResourceType::listener, *fixed->lds);
}

Result<void> LiveConfiguration::start() {
  if (published_->cds) TRY_VOID(follow(ResourceType::cluster, *published_->cds));
  if (published_->lds) TRY_VOID(follow(ResourceType::listener, *published_->lds));
  follow_endpoints();
  for (const auto& cluster : published_->clusters)
    give_endpoints(cluster->name, cluster->eds_name());
  return {};
}

Result<void> LiveConfiguration::follow(ResourceType type, const config::ConfigSource& source) {
  if (watch_ == nullptr) {
    TRY(watch_, DirectoryWatch::create(server_.io(), [this](const DirectoryWatch::Event& event) {
          for (const auto& [key, file] : files_) file->on_event(event);
        }));
  }
  auto& file = files_[{type, source.path}];
  if (file != nullptr) return {};
  show_counters(type);
  file = std::make_unique<FileSource>(server_.io(), source,
                                      [this, type, path = source.path](Result<std::string> text) {
                                        on_text(type, path, std::move(text));
                                      });
  auto watched = file->watch(*watch_);
  file->read_now();
  return watched;
}

/// The files of the EDS clusters that there are now.
void LiveConfiguration::follow_endpoints() {
  eds_clusters_.clear();
  std::unordered_map<std::string, const config::ConfigSource*> wanted;
  for (const auto& cluster : store_.snapshot()->clusters) {
    if (!cluster->eds_source) continue;
    eds_clusters_.emplace(cluster->eds_name(), cluster);
    wanted.emplace(cluster->eds_source->path, &*cluster->eds_source);
  }
  std::erase_if(files_, [&](const auto& entry) {
    return entry.first.first == ResourceType::endpoints && !wanted.contains(entry.first.second);
  });
  for (const auto& [path, source] : wanted)
    if (auto followed = follow(ResourceType::endpoints, *source); !followed)
      log::error(log::Component::config, "{}", followed.error().message);
}

void LiveConfiguration::on_text(ResourceType type, const std::string& path,
                                Result<std::string> text) {
  count(type, "update_attempt");
  if (!text) {
    count(type, "update_failure");
    store_.note_failure(type, path, text.error().message);
    log::error(log::Component::config, "{}; what was before stays in force", text.error().message);
    return;
  }
  const auto parsed = parse_resource_file(path, *text, type);
  if (!parsed) {
    count(type, "update_rejected");
    store_.note_failure(type, path, "file '" + path + "': " + parsed.error().message);
    log::error(log::Component::config, "file '{}' is refused, what was before stays in force: {}",
               path, parsed.error().message);
    return;
  }
  store_.note_failure(type, path, "");
  const Update& read = (*parsed)->update;
  const auto rejections = update(read);
  if (rejections.empty()) {
    count(type, "update_success");
    count_version(type, read.version);
    return;
  }
  count(type, "update_rejected");
  if (const auto nameless = std::find_if(rejections.begin(), rejections.end(),
                                         [](const auto& each) { return each.name.empty(); });
      nameless != rejections.end())
    store_.note_failure(type, path, "file '" + path + "': " + nameless->text);
  for (const Rejection& rejection : rejections)
    log::error(log::Component::config,
               "file '{}': resource '{}' is refused, what was before stays in force: {}", path,
               rejection.name, rejection.text);
}

stats::Counter* LiveConfiguration::counter(ResourceType type, std::string_view field) {
  if (type == ResourceType::endpoints) return nullptr;  // each cluster counts its own
  const auto [group, prefix] = counters_of(type);
  auto& stats = server_.stats_store();
  return &stats.counter(group, "", std::string(prefix).append(field), stats.workers());
}

void LiveConfiguration::count(ResourceType type, std::string_view field) {
  if (auto* const found = counter(type, field)) found->add();
}

/// Those that have not counted anything yet are 0, not missing.
void LiveConfiguration::show_counters(ResourceType type) {
  for (const char* field :
       {"update_attempt", "update_success", "update_failure", "update_rejected"})
    static_cast<void>(counter(type, field));
}

void LiveConfiguration::count_version(ResourceType type, const std::string& version) {
  if (type == ResourceType::endpoints) return;
  const auto [group, prefix] = counters_of(type);
  auto& stats = server_.stats_store();
  const std::string field = std::string(prefix).append("version");
  // Envoy shows a hash: whether two proxies have the same version is all that it tells.
  stats.gauge({group, "", field}, stats.workers())
      .set(static_cast<std::int64_t>(std::hash<std::string>{}(version) >> 1));
}

std::vector<Rejection> LiveConfiguration::update(const Update& update) {
  const auto outcome = store_.update(update);
  if (update.type == ResourceType::endpoints)
    endpoints_changed(outcome.changed, outcome.rejections);
  else if (store_.snapshot() != published_)
    publish();
  return outcome.rejections;
}

void LiveConfiguration::publish() {
  const auto before = std::exchange(published_, store_.snapshot());
  server_.apply(published_, [this, alive = std::weak_ptr(alive_)](
                                const std::vector<server::ListenerManager::Rejection>& refused) {
    if (alive.expired()) return;
    for (const auto& [listener, error] : refused) store_.refuse_listener(listener, error.message);
  });
  std::unordered_set<const config::ClusterConfig*> known;
  for (const auto& cluster : before->clusters) known.insert(cluster.get());
  follow_endpoints();
  for (const auto& cluster : published_->clusters)
    if (!known.contains(cluster.get())) give_endpoints(cluster->name, cluster->eds_name());
}

void LiveConfiguration::give_endpoints(const std::string& cluster, std::string_view eds_name) {
  if (const auto* endpoints = store_.find_endpoints(eds_name))
    server_.set_endpoints(cluster, *endpoints);
}

void LiveConfiguration::endpoints_changed(const std::vector<std::string>& names,
                                          const std::vector<Rejection>& rejections) {
  const auto visit = [this](const std::string& name, auto&& act) {
    const auto [first, last] = eds_clusters_.equal_range(name);
    for (auto at = first; at != last; ++at)
      act(*at->second, server_.stats_store().cluster_hosts(at->second->stats_name()));
  };
  for (const std::string& name : names)
    visit(name, [this](const config::ClusterConfig& cluster, stats::ClusterHostStats& stats) {
      stats.update_attempt.add();
      stats.update_success.add();
      give_endpoints(cluster.name, cluster.eds_name());
    });
  for (const Rejection& rejection : rejections)
    visit(rejection.name, [](const config::ClusterConfig&, stats::ClusterHostStats& stats) {
      stats.update_attempt.add();
      stats.update_rejected.add();
    });
}

}  // namespace weir::discovery
