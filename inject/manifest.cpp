// SPDX-License-Identifier: Apache-2.0
#include "inject/manifest.hpp"

#include <functional>
#include <utility>

#include "inject/document.hpp"
#include "inject/injection.hpp"
#include "inject/json_text.hpp"
#include "inject/settings.hpp"
#include "inject/workload.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

using Plan = std::function<std::vector<Edit>(const Node& pod, const Workload& workload,
                                             ManifestResult& result)>;

std::string title_of(const Workload& workload) {
  return workload.kind + " '" + workload.name + "': ";
}

/// The changed content, or nothing when it stays as it is.
Result<bool> change(Document& document, const Plan& plan, ManifestResult& result,
                    std::vector<Edit>& all) {
  TRY(Node root, without_aliases(document.root));
  bool changed = false;
  for (const Workload& workload : find_workloads(root)) {
    Node* pod = find_at(root, workload.path);
    const std::vector<Edit> edits = plan(*pod, workload, result);
    if (edits.empty()) continue;
    for (Edit edit : edits) {
      edit.path = workload.path + edit.path;
      all.push_back(std::move(edit));
    }
    TRY_VOID(inject::apply(edits, *pod));
    changed = true;
  }
  if (changed) document.root = std::move(root);
  return changed;
}

// A file that becomes JSON is one document: a List, where it was several.
Result<std::string> as_json(std::vector<Document>& documents) {
  std::vector<Node> roots;
  for (const Document& document : documents) {
    TRY(Node root, without_aliases(document.root));
    if (!root.is_null()) roots.push_back(std::move(root));
  }
  if (roots.empty()) return std::string();
  if (roots.size() == 1) return write_json(roots[0]);
  return write_json(Node::map({{Node::string("apiVersion"), Node::string("v1")},
                               {Node::string("kind"), Node::string("List")},
                               {Node::string("items"), Node::list(std::move(roots))}}));
}

// JSON in blocks, as YAML is written by hand.
void unfold(Node& node) {
  node.flow = false;
  for (Node& item : node.items) unfold(item);
  for (Entry& entry : node.entries) {
    if (entry.key.style == Node::Style::double_quoted) entry.key = Node::string(entry.key.text);
    unfold(entry.value);
  }
}

Result<ManifestResult> run(std::string_view text, Output output, const Plan& plan) {
  ManifestResult result;
  TRY(File file, parse_file(text));
  std::vector<bool> changed;
  std::vector<Edit> edits;
  for (Document& document : file.documents) {
    TRY(const bool one, change(document, plan, result, edits));
    changed.push_back(one);
  }
  if (!result.refusals.empty()) return result;
  if (output == Output::json_patch) {
    if (file.documents.size() > 1)
      return Error{"a JSON patch is for one document; this file has several"};
    TRY(result.text, to_json_patch(edits));
    result.text.push_back('\n');
    return result;
  }
  if (output == Output::json && !file.json) {
    TRY(result.text, as_json(file.documents));
    return result;
  }
  const bool to_yaml = output == Output::yaml && file.json;
  for (std::size_t i = 0; i < file.documents.size(); ++i) {
    Document& document = file.documents[i];
    if (to_yaml) {
      unfold(document.root);
      TRY(const std::string content, write_yaml(document.root));
      result.text += content;
    } else if (!changed[i]) {
      result.text += document.text;
    } else {
      if (!result.text.empty() && result.text.back() != '\n') result.text.push_back('\n');
      TRY(const std::string content, write_document(document, document.root, file.json));
      result.text += content;
    }
  }
  return result;
}

std::vector<Edit> plan_one(const Node& pod, const Workload& workload, const InjectOptions& options,
                           ManifestResult& result) {
  const std::string title = title_of(workload);
  auto injection = plan_pod(pod, options, workload.kind, workload.name);
  if (!injection) {
    // All reasons at once, where the Pod can be read.
    Node clean = pod;
    const auto removal = plan_removal(pod);
    if (removal && inject::apply(*removal, clean)) {
      const auto facts = read_pod_facts(clean, workload.kind, workload.name);
      const auto reasons = facts ? find_refusals(*facts, options) : std::vector<std::string>{};
      for (const std::string& reason : reasons) result.refusals.push_back(title + reason);
      if (!reasons.empty()) return {};
    }
    result.refusals.push_back(title + injection.error().message);
    return {};
  }
  for (const std::string& warning : injection->warnings) result.notes.push_back(title + warning);
  if (injection->edits.empty()) result.notes.push_back(title + "left alone: " + injection->why);
  return std::move(injection->edits);
}

}  // namespace

Result<ManifestResult> inject_manifest(std::string_view text, const InjectOptions& options,
                                       Output output) {
  return run(text, output, [&](const Node& pod, const Workload& workload, ManifestResult& result) {
    return plan_one(pod, workload, options, result);
  });
}

Result<ManifestResult> uninject_manifest(std::string_view text, Output output) {
  return run(text, output, [](const Node& pod, const Workload& workload, ManifestResult& result) {
    auto removal = plan_removal(pod);
    if (removal) return *std::move(removal);
    result.refusals.push_back(title_of(workload) + removal.error().message);
    return std::vector<Edit>{};
  });
}

}  // namespace weir::inject
