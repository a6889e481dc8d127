// SPDX-License-Identifier: Apache-2.0
// Metadata: what filters have noted of a stream, by namespace and key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

/// Dynamic metadata. Few entries: searched in order. Values are text; structured ones are JSON.
struct Metadata {
  struct Entry {
    std::string space;
    std::string key;
    std::string value;
  };
  std::vector<Entry> entries;

  [[nodiscard]] const std::string* find(std::string_view space, std::string_view key) const {
    for (const Entry& entry : entries)
      if (entry.space == space && entry.key == key) return &entry.value;
    return nullptr;
  }
  void set(std::string_view space, std::string_view key, std::string value) {
    for (Entry& entry : entries) {
      if (entry.space != space || entry.key != key) continue;
      entry.value = std::move(value);
      return;
    }
    entries.push_back({std::string(space), std::string(key), std::move(value)});
  }
};

}  // namespace weir::http
