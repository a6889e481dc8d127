// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "inject/json_text.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

class Expander {
 public:
  Result<Node> expand(const Node& node) {
    if (++nodes_ > kNodesMax) return error(node, "its aliases stand for too many values");
    if (node.kind == Node::Kind::alias) return expand_alias(node);
    Node out = node;
    out.anchor.clear();
    for (Node& item : out.items) {
      TRY(item, expand(item));
    }
    out.entries.clear();
    for (const auto& [key, value] : node.entries) {
      TRY(Node new_key, expand(key));
      TRY(Node new_value, expand(value));
      out.entries.push_back({std::move(new_key), std::move(new_value)});
    }
    TRY_VOID(merge(out));
    if (!node.anchor.empty()) anchors_[node.anchor] = out;
    return out;
  }

 private:
  static Error error(const Node& node, std::string_view reason) {
    return Error{"line " + std::to_string(node.line) + ", column " + std::to_string(node.column) +
                 ": " + std::string(reason)};
  }

  Result<Node> expand_alias(const Node& node) {
    const auto found = anchors_.find(node.anchor);
    if (found == anchors_.end()) return error(node, "alias '" + node.anchor + "': no such anchor");
    if (!count(found->second)) return error(node, "its aliases stand for too many values");
    return found->second;
  }

  bool count(const Node& node) {
    if (++nodes_ > kNodesMax) return false;
    return std::all_of(node.items.begin(), node.items.end(),
                       [this](const Node& item) { return count(item); }) &&
           std::all_of(node.entries.begin(), node.entries.end(), [this](const Entry& entry) {
             return count(entry.key) && count(entry.value);
           });
  }

  static bool is_merge(const Entry& entry) {
    return entry.key.is_scalar() && entry.key.style == Node::Style::plain &&
           entry.key.text == "<<" &&
           (entry.key.tag.empty() || entry.key.tag == "tag:yaml.org,2002:merge");
  }

  // A key of the map itself goes before a merged one, an earlier merged one before a later.
  static Result<void> merge(Node& map) {
    if (std::none_of(map.entries.begin(), map.entries.end(), is_merge)) return {};
    std::vector<Entry> own;
    std::vector<Node> sources;
    for (Entry& entry : map.entries) {
      if (!is_merge(entry)) {
        own.push_back(std::move(entry));
        continue;
      }
      const Node key = entry.key;
      if (entry.value.is_list())
        for (Node& item : entry.value.items) sources.push_back(std::move(item));
      else
        sources.push_back(std::move(entry.value));
      for (const Node& source : sources)
        if (!source.is_map()) return error(key, "'<<' merges maps only");
    }
    map.entries = std::move(own);
    for (Node& source : sources)
      for (Entry& entry : source.entries)
        if (!entry.key.is_scalar() || map.find(entry.key.text) == nullptr)
          map.entries.push_back(std::move(entry));
    return {};
  }

  std::unordered_map<std::string, Node> anchors_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<Node> without_aliases(const Node& node) { return Expander().expand(node); }

}  // namespace weir::inject
