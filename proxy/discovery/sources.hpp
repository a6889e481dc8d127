// SPDX-License-Identifier: Apache-2.0
// Sources: every file and every control plane that resources come from.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/snapshot.hpp"
#include "proxy/discovery/control_plane.hpp"
#include "proxy/discovery/directory_watch.hpp"
#include "proxy/discovery/file_source.hpp"

namespace weir::discovery {

/// Made when they are first wanted: a configuration without any costs nothing. Main thread.
class Sources {
 public:
  /// `server` and `user` outlive it.
  Sources(server::Server& server, SourceUser& user);
  ~Sources();
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  /// All resources of the type. Error: a file cannot be watched.
  Result<void> follow_all(ResourceType type, const config::ConfigSource& source);

  /// A resource and where it comes from; `source` is looked at during the call.
  struct Named {
    const config::ConfigSource* source = nullptr;
    std::string name;
  };
  /// Just these of the type, from now on.
  /// @return those that a control plane is not asked for any more.
  std::vector<std::string> follow_named(ResourceType type, const std::vector<Named>& wanted);

  /// Control planes are among them.
  [[nodiscard]] bool any_control_plane() const noexcept { return !planes_.empty(); }

 private:
  Result<void> follow_file(ResourceType type, const config::ConfigSource& source);
  void on_text(ResourceType type, const std::string& path, Result<std::string> text);
  ControlPlane& plane_of(ResourceType type, const config::ConfigSource& source);

  server::Server& server_;
  SourceUser& user_;
  const std::shared_ptr<const config::ApiConfigSource> ads_;
  std::unique_ptr<DirectoryWatch> watch_;
  std::map<std::pair<ResourceType, std::string>, std::unique_ptr<FileSource>> files_;  // by path
  std::set<std::string> refused_;   // paths of files of which something was refused
  std::list<ControlPlane> planes_;  // not movable
};

}  // namespace weir::discovery
