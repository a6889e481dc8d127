// SPDX-License-Identifier: Apache-2.0
// Directory: the files of one directory as a registry, each file at its last good content.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "control/registry.hpp"

namespace weir::control {

/// Reads *.yaml, *.yml and *.json of the directory itself; names that begin with a dot are left
/// alone. A file that is broken or half-written keeps what it said before, and says so once; a file
/// that is gone takes what it said along.
class Directory {
 public:
  explicit Directory(std::string path) : path_(std::move(path)) {}

  struct Reading {
    /// nullptr = nothing changed.
    std::shared_ptr<const Registry> registry;
    /// Of the files that were read anew, and of what they claim together.
    config::Diagnostics diagnostics;
  };
  /// Looks at every file whose size, time or identity changed. Error = the directory cannot be
  /// read: everything stays as it was.
  /// @param being_written files that somebody has not closed yet: they wait.
  Result<Reading> read(const std::set<std::string>& being_written = {});

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  /// What tells that a file is not what it was: device, inode, size, times.
  using Stamp = std::array<std::uint64_t, 7>;
  struct File {
    Stamp stamp{};
    std::string hash;             // of the content that was looked at last, good or not
    std::vector<Object> objects;  // of the last good content
  };

  bool read_file(const std::string& name, File& file, config::Diagnostics& diagnostics) const;
  bool drop_missing(const std::set<std::string>& present);

  std::string path_;
  std::map<std::string, File> files_;
  bool was_read_ = false;
};

}  // namespace weir::control
