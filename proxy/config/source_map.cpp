// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/source_map.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include <yaml-cpp/yaml.h>

namespace weir::config {
namespace {

/// One step of a path: a field, and an item of it when index is 0 or more.
struct Step {
  std::string_view name;
  int index = -1;
};

/// Takes the first step off `path`. Map keys hold no dots in the paths that we make.
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
/// Never assigned: YAML::Node's operator= changes the document, not the variable.
struct Found {
  YAML::Node value;
  YAML::Mark mark;

  Found(YAML::Node node, YAML::Mark place) : value(std::move(node)), mark(place) {}
  Found(const Found&) = default;
  Found& operator=(const Found&) = delete;
};

std::optional<Found> find_child(const YAML::Node& node, std::string_view name) {
  if (!node.IsMap()) return std::nullopt;
  std::optional<Found> found;
  for (const auto& entry : node)
    if (entry.first.IsScalar() && same_field(entry.first.Scalar(), name))
      found.emplace(entry.second, entry.first.Mark());
  return found;
}

/// Item `index` of a repeated field; counts it down past this node when it lies further on.
std::optional<Found> find_item(const Found& list, int& index) {
  if (!list.value.IsSequence()) {
    if (list.value.IsNull() || index-- != 0) return std::nullopt;
    return list;
  }
  for (const YAML::Node& item : list.value) {
    if (item.IsSequence()) {
      if (auto found = find_item(Found(item, item.Mark()), index)) return found;
    } else if (!item.IsNull() && index-- == 0) {
      return Found(item, item.Mark());
    }
  }
  return std::nullopt;
}

}  // namespace

struct SourceMap::Document {
  std::string file;
  YAML::Node root;
};

SourceMap::SourceMap() = default;
SourceMap::~SourceMap() = default;
SourceMap::SourceMap(SourceMap&&) noexcept = default;
SourceMap& SourceMap::operator=(SourceMap&&) noexcept = default;

void SourceMap::add(std::string file, const YAML::Node& root) {
  documents_.push_back({std::move(file), root});
}

Place SourceMap::locate(std::string_view path) const {
  // One cursor for each document that has the path so far.
  struct Cursor {
    const Document* document;
    Found at;
  };
  if (documents_.empty()) return {};
  std::vector<Cursor> cursors;
  for (const Document& document : documents_)
    cursors.push_back({&document, Found(document.root, document.root.Mark())});
  while (!path.empty()) {
    const Step step = take_step(path);
    std::vector<Cursor> next;
    int index = step.index;
    for (const Cursor& cursor : cursors) {
      const std::optional<Found> field = find_child(cursor.at.value, step.name);
      if (!field) continue;
      if (step.index < 0) {
        next.push_back({cursor.document, *field});
      } else if (const auto item = find_item(*field, index)) {
        next.push_back({cursor.document, *item});
        break;
      }
    }
    if (next.empty()) break;
    cursors.swap(next);
  }
  // A later document overrides an earlier one.
  const Cursor& last = cursors.back();
  if (last.at.mark.is_null()) return {last.document->file, 0, 0};
  return {last.document->file, last.at.mark.line + 1, last.at.mark.column + 1};
}

}  // namespace weir::config
