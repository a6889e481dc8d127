// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/sources.hpp"

#include <algorithm>
#include <optional>

#include "common/log.hpp"
#include "proxy/discovery/resource_file.hpp"

namespace weir::discovery {

Sources::Sources(server::Server& server, SourceUser& user)
    : server_(server), user_(user), ads_(server.snapshot()->ads) {}

Sources::~Sources() { server_.set_on_hosts_changed(nullptr); }

Result<void> Sources::follow_all(ResourceType type, const config::ConfigSource& source) {
  if (source.is_file()) return follow_file(type, source);
  plane_of(type, source).want(type, source.initial_fetch_timeout, {std::string(xds::kWildcard)});
  return {};
}

std::vector<std::string> Sources::follow_named(ResourceType type,
                                               const std::vector<Named>& wanted) {
  std::map<std::string, const config::ConfigSource*> paths;
  struct Asked {
    ControlPlane::Names names;
    std::chrono::milliseconds fetch_timeout{0};
  };
  std::map<ControlPlane*, Asked> planes;
  for (const auto& [source, name] : wanted) {
    if (source->is_file()) {
      paths.emplace(source->path, source);
      continue;
    }
    Asked& asked = planes[&plane_of(type, *source)];
    asked.names.insert(name);
    asked.fetch_timeout = source->initial_fetch_timeout;
  }
  std::erase_if(files_, [&](const auto& entry) {
    return entry.first.first == type && !paths.contains(entry.first.second);
  });
  for (const auto& [path, source] : paths)
    if (auto followed = follow_file(type, *source); !followed)
      log::error(log::Component::config, "{}", followed.error().message);
  std::vector<std::string> gone;
  for (ControlPlane& plane : planes_) {
    if (!planes.contains(&plane) && !plane.serves(type)) continue;
    Asked& asked = planes[&plane];
    auto given_up = plane.want(type, asked.fetch_timeout, std::move(asked.names));
    gone.insert(gone.end(), std::make_move_iterator(given_up.begin()),
                std::make_move_iterator(given_up.end()));
  }
  return gone;
}

Result<void> Sources::follow_file(ResourceType type, const config::ConfigSource& source) {
  if (watch_ == nullptr) {
    TRY(watch_, DirectoryWatch::create(server_.io(), [this](const DirectoryWatch::Event& event) {
          for (const auto& [key, file] : files_) file->on_event(event);
        }));
  }
  auto& file = files_[{type, source.path}];
  if (file != nullptr) return {};
  file = std::make_unique<FileSource>(server_.io(), source,
                                      [this, type, path = source.path](Result<std::string> text) {
                                        on_text(type, path, std::move(text));
                                      });
  auto watched = file->watch(*watch_);
  file->read_now();
  return watched;
}

void Sources::on_text(ResourceType type, const std::string& path, Result<std::string> text) {
  if (!text) {
    log::error(log::Component::config, "{}; what was before stays in force", text.error().message);
    user_.on_problem(type, path, text.error().message);
    return user_.on_lost(type);
  }
  const auto parsed = parse_resource_file(path, *text, type);
  if (!parsed) {
    log::error(log::Component::config, "file '{}' is refused, what was before stays in force: {}",
               path, parsed.error().message);
    user_.on_problem(type, path, "file '" + path + "': " + parsed.error().message);
    return user_.on_response(type, "", false);
  }
  const Update& read = (*parsed)->update;
  const auto rejections = user_.update(read);
  const auto nameless = std::find_if(rejections.begin(), rejections.end(),
                                     [](const auto& each) { return each.name.empty(); });
  user_.on_problem(type, path,
                   nameless != rejections.end() ? "file '" + path + "': " + nameless->text : "");
  for (const Rejection& rejection : rejections)
    log::error(log::Component::config,
               "file '{}': resource '{}' is refused, what was before stays in force: {}", path,
               rejection.name, rejection.text);
  user_.on_response(type, read.version, rejections.empty());
  if (rejections.empty())
    refused_.erase(path);
  else
    refused_.insert(path);
  // What was refused for want of a cluster may be good now.
  if (type != ResourceType::cluster) return;
  for (const auto& [key, file] : files_)
    if (key.first == ResourceType::listener && refused_.contains(key.second)) file->read_again();
}

ControlPlane& Sources::plane_of(ResourceType type, const config::ConfigSource& source) {
  const auto& api = source.ads ? ads_ : source.api;
  const std::optional<ResourceType> only = source.ads ? std::nullopt : std::optional(type);
  for (ControlPlane& plane : planes_)
    if (plane.is(*api, only)) return plane;
  if (planes_.empty())
    server_.set_on_hosts_changed([this](upstream::ClusterId id) {
      for (ControlPlane& plane : planes_) plane.hosts_changed(id);
    });
  return planes_.emplace_back(server_, api, only, user_);
}

}  // namespace weir::discovery
