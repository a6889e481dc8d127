// SPDX-License-Identifier: Apache-2.0
// ConnectionNotes: what HTTP filters keep from one request of a connection to the next.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace weir::filters {

/// Each note by an address that is its owner's. Goes with the connection.
class ConnectionNotes {
 public:
  struct Note {
    Note() = default;
    Note(const Note&) = delete;
    Note& operator=(const Note&) = delete;
    virtual ~Note() = default;
  };

  /// nullptr: none is kept under `key`.
  [[nodiscard]] Note* find(const void* key) const noexcept {
    for (const auto& [owner, note] : notes_)
      if (owner == key) return note.get();
    return nullptr;
  }
  /// `key`: not in use yet.
  void keep(const void* key, std::unique_ptr<Note> note) {
    notes_.emplace_back(key, std::move(note));
  }

 private:
  std::vector<std::pair<const void*, std::unique_ptr<Note>>> notes_;  // one or two
};

}  // namespace weir::filters
