// SPDX-License-Identifier: Apache-2.0
#include "inject/node.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::inject {
namespace {

constexpr std::array kNulls{"", "~", "null", "Null", "NULL"};
constexpr std::array kTrues{"y",    "Y",    "yes", "Yes", "YES", "true",
                            "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array kFalses{"n",     "N",     "no",  "No",  "NO", "false",
                             "False", "FALSE", "off", "Off", "OFF"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<const char*, N>& words) {
  return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_of_alphabet(std::string_view text, std::string_view alphabet) {
  return !text.empty() && text.find_first_not_of(alphabet) == std::string_view::npos;
}

// Go's strconv.ParseInt with base 0; underscores are dropped by its caller.
bool is_integer(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X"))
    return all_of_alphabet(text.substr(2), "0123456789abcdefABCDEF_");
  if (text.starts_with("0b") || text.starts_with("0B"))
    return all_of_alphabet(text.substr(2), "01_");
  if (text.starts_with("0o") || text.starts_with("0O"))
    return all_of_alphabet(text.substr(2), "01234567_");
  return all_of_alphabet(text, "0123456789_") && is_digit(text[0]);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, and the three that are no numbers.
bool is_floating(std::string_view text) {
  const auto digits = [&] {
    std::size_t count = 0;
    while (count < text.size() && (is_digit(text[count]) || text[count] == '_')) ++count;
    text.remove_prefix(count);
    return count > 0;
  };
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  const bool whole = digits();
  bool fraction = false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = digits();
  }
  if (!whole && !fraction) return false;
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return digits() && text.empty();
}

bool is_untagged_plain(const Node& node) {
  return node.is_scalar() && node.style == Node::Style::plain && node.tag.empty();
}

bool same_scalar(const Node& a, const Node& b) {
  if (a.is_null() && b.is_null()) return true;
  if (a.text != b.text) return false;
  if ((a.style == Node::Style::plain) == (b.style == Node::Style::plain)) return true;
  // One is quoted: the same when quoting it does not matter.
  return !a.tag.empty() || (plain_kind(a.text) == PlainKind::string && a.text != "<<");
}

}  // namespace

Node Node::string(std::string_view text) {
  Node node;
  node.text = text;
  const bool simple =
      !text.empty() && plain_kind(text) == PlainKind::string &&
      std::all_of(text.begin(), text.end(),
                  [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
                           c == '-' || c == '_' || c == '/' || c == '.' || c == ':';
                  }) &&
      text.back() != ':' && text.front() != '-' && !is_digit(text.front()) && text.front() != '.';
  node.style = simple ? Style::plain : Style::double_quoted;
  return node;
}

Node Node::plain(std::string_view text) {
  Node node;
  node.text = text;
  return node;
}

Node Node::list() { return list(std::vector<Node>{}); }
Node Node::map() { return map(std::vector<Entry>{}); }

Node Node::list(std::vector<Node> items) {
  Node node;
  node.kind = Kind::list;
  node.items = std::move(items);
  return node;
}

Node Node::map(std::vector<Entry> entries) {
  Node node;
  node.kind = Kind::map;
  node.entries = std::move(entries);
  return node;
}

bool Node::is_null() const {
  if (!is_scalar()) return false;
  if (tag == "tag:yaml.org,2002:null") return true;
  return is_untagged_plain(*this) && plain_kind(text) == PlainKind::null;
}

bool Node::is_true() const { return is_untagged_plain(*this) && is_one_of(text, kTrues); }
bool Node::is_false() const { return is_untagged_plain(*this) && is_one_of(text, kFalses); }

const Node* Node::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const auto& [name, value] : entries)
    if (name.is_scalar() && name.text == key) return &value;
  return nullptr;
}

Node* Node::find(std::string_view key) { return const_cast<Node*>(std::as_const(*this).find(key)); }

PlainKind plain_kind(std::string_view text) {
  if (is_one_of(text, kNulls)) return PlainKind::null;
  if (is_one_of(text, kTrues) || is_one_of(text, kFalses)) return PlainKind::boolean;
  if (is_integer(text)) return PlainKind::integer;
  if (is_floating(text)) return PlainKind::floating;
  return PlainKind::string;
}

bool same_meaning(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.tag != b.tag) return false;
  switch (a.kind) {
    case Node::Kind::scalar:
      return same_scalar(a, b);
    case Node::Kind::alias:
      return a.anchor == b.anchor;
    case Node::Kind::list:
      return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                        same_meaning);
    case Node::Kind::map:
      return std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                        [](const Entry& x, const Entry& y) {
                          return same_meaning(x.key, y.key) && same_meaning(x.value, y.value);
                        });
  }
  return false;
}

}  // namespace weir::inject
