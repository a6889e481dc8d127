// SPDX-License-Identifier: Apache-2.0
// FileSource: the content of one file, again whenever it is another one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include <asio/steady_timer.hpp>

#include "proxy/config/config_source.hpp"
#include "proxy/discovery/directory_watch.hpp"

namespace weir::discovery {

/// However the file is replaced: written in place, renamed over, or reached through a link that is
/// swapped. Reads when nothing has happened for kQuiet, or kTogether after the file was renamed
/// into its place; not while somebody is writing. Main thread.
class FileSource {
 public:
  static constexpr std::chrono::milliseconds kQuiet{50};
  /// Files that belong together are renamed one after the other.
  static constexpr std::chrono::milliseconds kTogether{1};
  /// A writer that never closes the file is not waited for any longer.
  static constexpr std::chrono::seconds kPatience{5};

  /// Gets the text, or why it cannot be read: once from each read_now(), and after changes.
  using OnText = std::function<void(Result<std::string> text)>;

  FileSource(asio::io_context& io, config::ConfigSource source, OnText on_text);

  /// Watches from now on. Error: the directory cannot be watched.
  Result<void> watch(DirectoryWatch& watch);
  /// Every event of the watch; those of other directories have no effect.
  void on_event(const DirectoryWatch::Event& event);
  /// Reads, and tells if the content is not the same as before.
  void read_now();

  [[nodiscard]] const config::ConfigSource& source() const noexcept { return source_; }

 private:
  void read_later(std::chrono::milliseconds delay);
  void watch_target();

  const config::ConfigSource source_;
  const OnText on_text_;
  asio::steady_timer timer_;
  DirectoryWatch* watch_ = nullptr;
  std::set<int> directories_;
  std::string name_;         // of the file in its directory
  std::string target_name_;  // of what a link leads to
  std::string last_;         // the text, or the error, that was told
  bool told_ = false;
  bool is_due_ = false;   // it was renamed into its place: nothing else puts reading it off
  bool writing_ = false;  // somebody has changed it and not closed it yet
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weir::discovery
