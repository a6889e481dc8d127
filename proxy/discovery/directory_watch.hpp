// SPDX-License-Identifier: Apache-2.0
// DirectoryWatch: tells when something in a directory has been written, renamed or removed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <asio/posix/stream_descriptor.hpp>

#include "common/result.hpp"

namespace weir::discovery {

/// One inotify instance. Main thread.
class DirectoryWatch {
 public:
  struct Event {
    int directory = -1;  // as add() gave it
    std::string name;    // of the entry
    /// Its content is being changed: it is not complete until an event without this comes.
    bool unfinished = false;
    /// It was moved here, whole as it is.
    bool moved_in = false;
  };
  using OnEvent = std::function<void(const Event&)>;

  /// Error: inotify is not to be had.
  static Result<std::unique_ptr<DirectoryWatch>> create(asio::io_context& io, OnEvent on_event);

  /// Begins to watch, or goes on. Error names the directory and why it cannot be watched.
  Result<int> add(const std::string& directory);

 private:
  DirectoryWatch(asio::io_context& io, int fd, OnEvent on_event)
      : descriptor_(io, fd), on_event_(std::move(on_event)) {}
  void wait();
  void read_events();

  asio::posix::stream_descriptor descriptor_;
  const OnEvent on_event_;
};

}  // namespace weir::discovery
