// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/source_map.hpp"

#include <charconv>
#include <utility>

namespace weir::config {
namespace {

/// One step of a path: a field, and an item of it when index is 0 or more.
struct Step {
  std::string_view name;
  int index = -1;
};

/// Takes the first step off `path`, unless that is a map's key with dots.
Step take_step(std::string_view& path) {
  const std::size_t end = std::min(path.find('.'), path.size());
  std::string_view text = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  Step step{text, -1};
  if (const std::size_t bracket = text.find('['); bracket != std::string_view::npos) {
    step.name = text.substr(0, bracket);
    std::from_chars(text.data() + bracket + 1, text.data() + text.size(), step.index);
  }
  return step;
}

/// camelCase and snake_case spell the same field.
bool same_field(std::string_view written, std::string_view snake) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < snake.size(); ++i) {
    if (at >= written.size()) return false;
    if (snake[i] == '_' && written[at] != '_') {
      if (++i >= snake.size() || written[at] != static_cast<char>(std::toupper(snake[i])))
        return false;
    } else if (written[at] != snake[i]) {
      return false;
    }
    ++at;
  }
  return at == written.size();
}

/// A value and where to point for it: its key when it has one.
struct Found {
  const YamlNode* value = nullptr;  // nullptr = not found
  const YamlNode* place = nullptr;
};

Found find_child(const YamlNode& node, std::string_view name) {
  Found found;
  for (const auto& [key, value] : node.entries)
    if (key->is_scalar() && same_field(key->text, name)) found = {value, key};
  return found;
}

/// An entry of a map whose key has dots of its own; takes the key off `path`.
Found find_dotted_key(const YamlNode& node, std::string_view& path) {
  for (const auto& [key, value] : node.entries) {
    const std::string& text = key->text;
    if (!key->is_scalar() || text.find('.') == std::string::npos || !path.starts_with(text))
      continue;
    if (path.size() > text.size() && path[text.size()] != '.') continue;
    path.remove_prefix(std::min(text.size() + 1, path.size()));
    return {value, key};
  }
  return {};
}

/// Item `index` of a repeated field; counts it down past this node when it lies further on.
Found find_item(const YamlNode& list, int& index) {
  if (!list.is_list()) {
    if (list.is_null() || index-- != 0) return {};
    return {&list, &list};
  }
  for (const YamlNode* item : list.items) {
    if (item->is_list()) {
      if (const Found found = find_item(*item, index); found.value != nullptr) return found;
    } else if (!item->is_null() && index-- == 0) {
      return {item, item};
    }
  }
  return {};
}

}  // namespace

Place SourceMap::locate(std::string_view path) const {
  // One cursor for each document that has the path so far.
  struct Cursor {
    const YamlDocument* document;
    Found at;
  };
  if (documents_.empty()) return {};
  std::vector<Cursor> cursors;
  for (const auto& document : documents_)
    cursors.push_back({document.get(), {document->root, document->root}});
  while (!path.empty()) {
    std::vector<Cursor> next;
    for (const Cursor& cursor : cursors) {
      if (!next.empty()) break;
      const Found entry = find_dotted_key(*cursor.at.value, path);
      if (entry.value != nullptr) next.push_back({cursor.document, entry});
    }
    if (!next.empty()) {
      cursors = std::move(next);
      continue;
    }
    const Step step = take_step(path);
    int index = step.index;
    for (const Cursor& cursor : cursors) {
      const Found field = find_child(*cursor.at.value, step.name);
      if (field.value == nullptr) continue;
      if (step.index < 0) {
        next.push_back({cursor.document, field});
      } else if (const Found item = find_item(*field.value, index); item.value != nullptr) {
        next.push_back({cursor.document, item});
        break;
      }
    }
    if (next.empty()) break;
    cursors = std::move(next);
  }
  const auto& [document, at] = cursors.back();  // a later document overrides an earlier one
  return {document->file, at.place->line, at.place->column};
}

}  // namespace weir::config
