// SPDX-License-Identifier: Apache-2.0
// LastGoodCopy: keeps a copy of what control planes have said on disk, for a start without them.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "proxy/config/snapshot.hpp"
#include "proxy/discovery/last_good_file.hpp"
#include "proxy/discovery/last_good_format.hpp"
#include "proxy/discovery/resource_store.hpp"

namespace weir::discovery {

/// Whatever is wrong with the copy is logged and never stops anything. Main thread.
class LastGoodCopy {
 public:
  /// A change is written when it is that old, with all that came meanwhile; the writing takes at
  /// most one part in kLeastRest of the time.
  static constexpr std::chrono::milliseconds kDelay{1000};
  static constexpr int kLeastRest = 50;
  /// When it could not be written it is tried again after that.
  static constexpr std::chrono::milliseconds kAgain{30000};

  /// `store` outlives it, and may be written whenever `whole` says so: what is there is what
  /// control planes said last, and complete.
  LastGoodCopy(asio::io_context& io, const ResourceStore& store, const std::string& directory,
               std::function<bool()> whole);
  /// Writes what has not been written yet.
  ~LastGoodCopy();
  LastGoodCopy(const LastGoodCopy&) = delete;
  LastGoodCopy& operator=(const LastGoodCopy&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
  /// What an earlier process has left for this node; nullopt: nothing, or nothing usable.
  [[nodiscard]] std::optional<LastGood> load();
  /// The store has changed, or may have.
  void changed();

 private:
  void write();
  void write_later(std::chrono::milliseconds delay);
  void replace(const LastGood& good);

  const ResourceStore& store_;
  const LastGoodFile file_;
  const std::function<bool()> whole_;
  asio::steady_timer timer_;
  bool pending_ = false;
  bool failed_ = false;                 // the last writing, and it was said
  std::optional<std::size_t> on_disk_;  // hash of the content
  std::chrono::milliseconds rest_{0};   // before the next writing
};

/// What gRPC sources have said, of what is in force or is to be.
LastGood collect_last_good(const ResourceStore& store);

/// "2026-01-31T12:00:00Z, 35 s old".
std::string describe_age(std::chrono::system_clock::time_point saved);

}  // namespace weir::discovery
