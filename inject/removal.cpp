// SPDX-License-Identifier: Apache-2.0
// What takes an injection back.
#include <algorithm>
#include <utility>

#include "inject/injection.hpp"
#include "inject/status.hpp"

namespace weir::inject {
namespace {

/// Edits a copy of the Pod as it goes, so that each edit finds what those before it left.
class Remover {
 public:
  explicit Remover(const Node& pod) : pod_(pod) {}

  Result<std::vector<Edit>> remove(const Status& status) {
    TRY_VOID(named("/spec/initContainers", status.init_containers));
    TRY_VOID(named("/spec/containers", status.containers));
    TRY_VOID(named("/spec/volumes", status.volumes));
    for (const std::string& name : status.annotations) {
      TRY_VOID(annotation(name));
    }
    TRY_VOID(annotation(kStatusAnnotation));
    for (const auto& [path, before] : status.set) {
      const Node* value = find_at(pod_, path);
      if (value != nullptr && value->is_true()) {
        TRY_VOID(restore(path, before));
      }
    }
    // The inner ones first: "/metadata" is before "/metadata/annotations".
    for (auto it = status.made.rbegin(); it != status.made.rend(); ++it) {
      const Node* value = find_at(pod_, it->first);
      if (value != nullptr && !value->is_scalar() && value->items.empty() &&
          value->entries.empty()) {
        TRY_VOID(restore(it->first, it->second));
      }
    }
    return std::move(edits_);
  }

 private:
  Result<void> edit(Edit::Kind kind, const std::string& path, Node value = {}) {
    edits_.push_back({kind, path, std::move(value)});
    return inject::apply({edits_.back()}, pod_);
  }

  Result<void> restore(const std::string& path, Presence before) {
    if (before == Presence::null) return edit(Edit::Kind::replace, path, Node::plain("null"));
    return edit(Edit::Kind::remove, path);
  }

  Result<void> named(const std::string& path, const std::vector<std::string>& names) {
    const Node* list = find_at(pod_, path);
    if (list == nullptr || !list->is_list()) return {};
    for (std::size_t i = list->items.size(); i-- > 0;) {
      const Node* name = list->items[i].find("name");
      if (name == nullptr || std::find(names.begin(), names.end(), name->text) == names.end())
        continue;
      TRY_VOID(edit(Edit::Kind::remove, path + "/" + std::to_string(i)));
      list = find_at(pod_, path);
    }
    return {};
  }

  Result<void> annotation(std::string_view name) {
    const std::string path = "/metadata/annotations" + pointer_part(name);
    if (find_at(pod_, path) == nullptr) return {};
    return edit(Edit::Kind::remove, path);
  }

  Node pod_;
  std::vector<Edit> edits_;
};

}  // namespace

Result<std::vector<Edit>> plan_removal(const Node& pod) {
  const Node* text = find_at(pod, "/metadata/annotations" + pointer_part(kStatusAnnotation));
  if (text == nullptr) return std::vector<Edit>{};
  TRY(const Status status, read_status(text->text));
  return Remover(pod).remove(status);
}

}  // namespace weir::inject
