// SPDX-License-Identifier: Apache-2.0
#include "inject/status.hpp"

#include <algorithm>

#include "inject/injection.hpp"
#include "inject/json_text.hpp"

namespace weir::inject {
namespace {

constexpr std::string_view kMade[] = {"/metadata", "/metadata/annotations", "/spec/initContainers",
                                      "/spec/volumes"};
constexpr std::string_view kSet[] = {"/spec/shareProcessNamespace"};
constexpr std::string_view kContainers[] = {kInitName, kProxyName};
constexpr std::string_view kAnnotations[] = {"kubectl.kubernetes.io/default-container"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

void put_names(Node& map, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  Node list = Node::list();
  for (const std::string& name : names) list.items.push_back(Node::string(name));
  map.entries.push_back({Node::string(key), std::move(list)});
}

void put_before(Node& map, std::string_view key, const std::map<std::string, Presence>& fields) {
  if (fields.empty()) return;
  Node out = Node::map();
  for (const auto& [path, before] : fields)
    out.entries.push_back(
        {Node::string(path), Node::string(before == Presence::null ? "null" : "absent")});
  for (Entry& entry : out.entries) entry.value.style = Node::Style::double_quoted;
  map.entries.push_back({Node::string(key), std::move(out)});
}

Error not_ours() {
  return Error{
      "annotation 'weir.io/status': not what an injection writes; take out by hand what was added, "
      "and the annotation"};
}

template <class May>
Result<std::vector<std::string>> names_of(const Node& root, std::string_view key, May may) {
  std::vector<std::string> out;
  const Node* list = root.find(key);
  if (list == nullptr) return out;
  if (!list->is_list()) return not_ours();
  for (const Node& item : list->items) {
    if (!item.is_scalar() || !may(item.text)) return not_ours();
    out.push_back(item.text);
  }
  return out;
}

template <std::size_t N>
Result<std::map<std::string, Presence>> fields_of(const Node& root, std::string_view key,
                                                  const std::string_view (&may)[N]) {
  std::map<std::string, Presence> out;
  const Node* map = root.find(key);
  if (map == nullptr) return out;
  if (!map->is_map()) return not_ours();
  for (const auto& [path, before] : map->entries) {
    if (!is_one_of(path.text, may) || (before.text != "null" && before.text != "absent"))
      return not_ours();
    out[path.text] = before.text == "null" ? Presence::null : Presence::absent;
  }
  return out;
}

}  // namespace

Result<std::string> write_status(const Status& status) {
  Node root = Node::map();
  root.entries.push_back({Node::string("version"), Node::string(WEIR_VERSION)});
  put_names(root, "initContainers", status.init_containers);
  put_names(root, "containers", status.containers);
  put_names(root, "volumes", status.volumes);
  put_names(root, "annotations", status.annotations);
  put_before(root, "made", status.made);
  put_before(root, "set", status.set);
  return write_compact_json(root);
}

Result<Status> read_status(std::string_view text) {
  const auto root = parse_json(text);
  if (!root || !root->is_map()) return not_ours();
  const auto container = [](std::string_view name) { return is_one_of(name, kContainers); };
  Status status;
  TRY(status.init_containers, names_of(*root, "initContainers", container));
  TRY(status.containers, names_of(*root, "containers", container));
  TRY(status.volumes, names_of(*root, "volumes", [](std::string_view) { return true; }));
  TRY(status.annotations, names_of(*root, "annotations", [](std::string_view name) {
        return is_one_of(name, kAnnotations);
      }));
  TRY(status.made, fields_of(*root, "made", kMade));
  TRY(status.set, fields_of(*root, "set", kSet));
  return status;
}

}  // namespace weir::inject
