// SPDX-License-Identifier: Apache-2.0
// The file that holds the copy of the last good resources.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace weir::discovery {

/// One file in a directory that it has to itself. Main thread; its functions wait for the disk.
class LastGoodFile {
 public:
  static constexpr std::string_view kName = "weir-last-good";

  explicit LastGoodFile(const std::string& directory);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// nullopt: there is none yet. Error quotes the path: it cannot be read, is too large, or is one
  /// that somebody else may have written.
  [[nodiscard]] Result<std::optional<std::string>> read() const;
  /// The old content or the new, whole, whatever happens meanwhile; mode 0600. Error quotes the
  /// path.
  [[nodiscard]] Result<void> replace(std::string_view content) const;
  /// Whether replace() could work. Changes nothing.
  [[nodiscard]] Result<void> check_writable() const;

 private:
  [[nodiscard]] Result<void> write_new(std::string_view content) const;

  std::string directory_;
  std::string path_;
  std::string new_path_;
};

}  // namespace weir::discovery
