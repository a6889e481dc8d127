// SPDX-License-Identifier: Apache-2.0
#include "inject/edit.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "inject/json_text.hpp"

namespace weir::inject {
namespace {

std::string unescaped(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size();
    if (escape && part[i + 1] == '1') out.push_back('/');
    if (escape && part[i + 1] == '0') out.push_back('~');
    if (escape && (part[i + 1] == '0' || part[i + 1] == '1'))
      ++i;
    else
      out.push_back(part[i]);
  }
  return out;
}

std::optional<std::size_t> index_of(std::string_view part) {
  std::size_t index = 0;
  const auto [end, ec] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (ec != std::errc{} || end != part.data() + part.size()) return std::nullopt;
  return index;
}

Error edit_error(const Edit& edit, std::string_view reason) {
  return Error{"edit of '" + edit.path + "': " + std::string(reason)};
}

Result<void> apply_to_map(const Edit& edit, const std::string& key, Node& map) {
  const auto found = std::find_if(map.entries.begin(), map.entries.end(),
                                  [&](const Entry& entry) { return entry.key.text == key; });
  if (edit.kind == Edit::Kind::remove || edit.kind == Edit::Kind::replace) {
    if (found == map.entries.end()) return edit_error(edit, "not there");
    if (edit.kind == Edit::Kind::remove)
      map.entries.erase(found);
    else
      found->value = edit.value;
    return {};
  }
  if (found != map.entries.end())
    found->value = edit.value;
  else
    map.entries.push_back({Node::string(key), edit.value});
  return {};
}

Result<void> apply_to_list(const Edit& edit, std::string_view part, Node& list) {
  const auto index = part == "-" ? list.items.size() : index_of(part);
  const bool add = edit.kind == Edit::Kind::add;
  if (!index || *index > list.items.size() || (!add && *index == list.items.size()))
    return edit_error(edit, "no such place in the list");
  const auto at = list.items.begin() + static_cast<std::ptrdiff_t>(*index);
  if (add)
    list.items.insert(at, edit.value);
  else if (edit.kind == Edit::Kind::remove)
    list.items.erase(at);
  else
    *at = edit.value;
  return {};
}

Result<void> apply_one(const Edit& edit, Node& root) {
  const std::size_t slash = edit.path.rfind('/');
  if (slash == std::string::npos) return edit_error(edit, "not a pointer into the Pod");
  Node* parent = find_at(root, std::string_view(edit.path).substr(0, slash));
  if (parent == nullptr) return edit_error(edit, "its parent is not there");
  const std::string part = unescaped(std::string_view(edit.path).substr(slash + 1));
  if (parent->is_map()) return apply_to_map(edit, part, *parent);
  if (parent->is_list()) return apply_to_list(edit, part, *parent);
  return edit_error(edit, "its parent is neither a map nor a list");
}

}  // namespace

std::string pointer_part(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out.push_back(c);
  }
  return out;
}

const Node* find_at(const Node& root, std::string_view pointer) {
  const Node* node = &root;
  while (!pointer.empty() && node != nullptr) {
    if (pointer[0] != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string_view part = pointer.substr(0, end);
    pointer.remove_prefix(end);
    if (node->is_map()) {
      node = node->find(unescaped(part));
    } else {
      const auto index = node->is_list() ? index_of(part) : std::nullopt;
      node = index && *index < node->items.size() ? &node->items[*index] : nullptr;
    }
  }
  return node;
}

Node* find_at(Node& root, std::string_view pointer) {
  return const_cast<Node*>(find_at(std::as_const(root), pointer));
}

Result<void> apply(const std::vector<Edit>& edits, Node& root) {
  for (const Edit& edit : edits) {
    TRY_VOID(apply_one(edit, root));
  }
  return {};
}

Result<std::string> to_json_patch(const std::vector<Edit>& edits, std::string_view base) {
  constexpr std::string_view kNames[] = {"add", "replace", "remove"};
  Node patch = Node::list();
  for (const Edit& edit : edits) {
    Node operation = Node::map();
    const auto add = [&](std::string_view key, Node value) {
      operation.entries.push_back({Node::string(key), std::move(value)});
    };
    add("op", Node::string(kNames[static_cast<std::size_t>(edit.kind)]));
    Node path = Node::string(std::string(base) + edit.path);
    path.style = Node::Style::double_quoted;
    add("path", std::move(path));
    if (edit.kind != Edit::Kind::remove) add("value", edit.value);
    patch.items.push_back(std::move(operation));
  }
  return write_compact_json(patch);
}

}  // namespace weir::inject
