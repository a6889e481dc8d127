// SPDX-License-Identifier: Apache-2.0
// One value of a YAML or JSON document, with everything that its text meant: kind, tag, style,
// order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inject {

struct Entry;

/// A scalar keeps its text as it was written (`0655`, `1e3`): what it means is for whoever reads
/// it.
struct Node {
  enum class Kind : std::uint8_t { scalar, list, map, alias };
  enum class Style : std::uint8_t { plain, single_quoted, double_quoted, literal, folded };

  Kind kind = Kind::scalar;
  Style style = Style::plain;  // a scalar's
  bool flow = false;           // a list or map in one line: [a, b]
  std::uint32_t line = 0;      // 1-based, where it begins; 0 = made by us
  std::uint32_t column = 0;
  std::string tag;     // empty: none was written
  std::string anchor;  // its own, or the one that an alias names
  std::string text;    // a scalar's
  std::vector<Node> items;
  std::vector<Entry> entries;  // each key once, in the document's order

  static Node string(std::string_view text);  // quoted where a plain one would be something else
  static Node plain(std::string_view text);   // a number, true, false, null
  static Node list();
  static Node list(std::vector<Node> items);
  static Node map();
  static Node map(std::vector<Entry> entries);

  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_map() const { return kind == Kind::map; }
  /// A scalar that means nothing: `null`, `~` or no text at all.
  [[nodiscard]] bool is_null() const;
  /// A scalar that means true or false, as Kubernetes' tools read it.
  [[nodiscard]] bool is_true() const;
  [[nodiscard]] bool is_false() const;

  /// The value under this key of a map; nullptr without one, and for what is no map.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] Node* find(std::string_view key);
};

struct Entry {
  Node key;
  Node value;
};

/// What a plain scalar means to Kubernetes' tools (YAML 1.1 as go-yaml reads it).
enum class PlainKind : std::uint8_t { null, boolean, integer, floating, string };
PlainKind plain_kind(std::string_view text);

/// Whether both say the same: texts, tags, styles as far as they matter (quoted or not), order of
/// keys. Anchors and places are not compared.
bool same_meaning(const Node& a, const Node& b);

}  // namespace weir::inject
