// SPDX-License-Identifier: Apache-2.0
#include "inject/workload.hpp"

#include "inject/edit.hpp"

namespace weir::inject {
namespace {

struct Kind {
  std::string_view group;  // before '/'; empty: the core group, "v1"
  std::string_view kind;
  std::string_view path;
};

constexpr Kind kKinds[] = {
    {"", "Pod", ""},
    {"", "PodTemplate", "/template"},
    {"", "ReplicationController", "/spec/template"},
    {"apps", "Deployment", "/spec/template"},
    {"apps", "StatefulSet", "/spec/template"},
    {"apps", "DaemonSet", "/spec/template"},
    {"apps", "ReplicaSet", "/spec/template"},
    {"extensions", "Deployment", "/spec/template"},
    {"extensions", "DaemonSet", "/spec/template"},
    {"extensions", "ReplicaSet", "/spec/template"},
    {"batch", "Job", "/spec/template"},
    {"batch", "CronJob", "/spec/jobTemplate/spec/template"},
};

std::string text_of(const Node* node) {
  return node != nullptr && node->is_scalar() ? node->text : std::string();
}

void find_in(const Node& object, const std::string& base, std::vector<Workload>& out) {
  const std::string version = text_of(object.find("apiVersion"));
  const std::string kind = text_of(object.find("kind"));
  const std::size_t slash = version.find('/');
  const std::string group = slash == std::string::npos ? std::string() : version.substr(0, slash);
  const Node* items = object.find("items");
  if (kind == "List" && group.empty() && items != nullptr) {
    for (std::size_t i = 0; i < items->items.size(); ++i)
      find_in(items->items[i], base + "/items/" + std::to_string(i), out);
    return;
  }
  for (const Kind& known : kKinds) {
    if (known.kind != kind || known.group != group) continue;
    const Node* template_node = find_at(object, known.path);
    if (template_node == nullptr || template_node->is_null()) continue;
    out.push_back(
        {base + std::string(known.path), kind, text_of(find_at(object, "/metadata/name"))});
  }
}

}  // namespace

std::vector<Workload> find_workloads(const Node& root) {
  std::vector<Workload> out;
  find_in(root, "", out);
  return out;
}

}  // namespace weir::inject
