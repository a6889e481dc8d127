// SPDX-License-Identifier: Apache-2.0
// Configuration files as a tree of values with their lines: YAML, of which JSON is a part. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace weir::init {

struct ConfigEntry;

/// One value of a document. `text` is a scalar's; a map's entries stand in the document's order,
/// each key once.
struct ConfigNode {
  enum class Kind : std::uint8_t { nothing, scalar, list, map };
  Kind kind = Kind::nothing;
  std::uint32_t line = 0;  // 1-based, where it begins
  std::string text;
  std::vector<ConfigNode> items;
  std::vector<ConfigEntry> entries;

  /// The value under this key of a map; nullptr without one.
  [[nodiscard]] const ConfigNode* find(std::string_view key) const;
};

struct ConfigEntry {
  std::string key;
  ConfigNode value;
};

/// At most this many lists and maps within each other.
inline constexpr std::size_t kConfigDepthMax = 16;
/// At most this many keys in one map.
inline constexpr std::size_t kConfigKeysMax = 256;

/// An empty document is Kind::nothing, as is a plain `null` or `~`. Anchors, aliases, tags of one's
/// own and a second document are refused: a file of flags needs none of them. Errors read
/// "line 3: reason".
Result<ConfigNode> parse_config_document(std::string_view text);

}  // namespace weir::init
