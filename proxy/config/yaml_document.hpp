// SPDX-License-Identifier: Apache-2.0
// YamlDocument: one YAML or JSON text as a tree, with its limits checked. The only place that runs
// yaml-cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/diagnostics.hpp"

namespace weir::config {

/// Largest text that is parsed, in bytes.
inline constexpr std::size_t kLargestDocument = 64u * 1024 * 1024;

/// One value of a document. Where the text has an alias, the tree points to the same node twice, or
/// even to a node that it is inside of: who walks it needs a limit.
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, object };
  struct Entry {
    const YamlNode* key;
    const YamlNode* value;
  };

  Kind kind = Kind::null;
  bool quoted = false;  // or tagged as text: never a number or bool by its looks
  int line = 0;         // from 1
  int column = 0;
  std::string text;                    // scalar
  std::vector<const YamlNode*> items;  // list
  std::vector<Entry> entries;          // object, in order, keys not unique

  [[nodiscard]] bool is_null() const { return kind == Kind::null; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_object() const { return kind == Kind::object; }
};

/// Immutable; nodes live as long as it does.
struct YamlDocument {
  std::string file;
  std::deque<YamlNode> nodes;
  const YamlNode* root = nullptr;  // never null
  /// How many values a reader may visit. Every value that is written takes a byte, so only aliases
  /// exceed this.
  std::size_t most_values = 0;
};

/// Parses the first document of `text`; JSON is recognised by its first character. Never throws.
/// @param file how diagnostics name the text.
/// @return nullptr after reporting an error (syntax with its place, size, nesting, no content).
std::shared_ptr<const YamlDocument> parse_document(std::string file, std::string_view text,
                                                   Diagnostics& diagnostics);

/// Parses every document of `text`, which are separated by "---"; empty ones are left out. Reports
/// as above; what comes after a broken one is not read.
std::vector<std::shared_ptr<const YamlDocument>> parse_documents(const std::string& file,
                                                                 std::string_view text,
                                                                 Diagnostics& diagnostics);

}  // namespace weir::config
