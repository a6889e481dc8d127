// SPDX-License-Identifier: Apache-2.0
#include "control/admission.hpp"

#include <vector>

#include "control/base64.hpp"
#include "inject/injection.hpp"
#include "inject/json_text.hpp"

namespace weir::control {
namespace {

using inject::Entry;
using inject::Node;

constexpr std::string_view kVersion = "admission.k8s.io/v1";
constexpr std::size_t kLongestName = 253;

Error malformed(std::string_view reason) {
  return Error{"AdmissionReview: " + std::string(reason)};
}

/// Before a tree is made of it: each value but the first follows a bracket, a comma or a colon.
bool has_too_many_values(std::string_view json) {
  std::size_t count = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"')
      in_string = !in_string;
    else if (c == '\\' && in_string)
      ++i;
    else if (!in_string && (c == ',' || c == ':' || c == '[' || c == '{'))
      ++count;
  }
  return count > kMostReviewValues;
}

/// A quoted text under the key of a map; "" where there is none.
std::string text_at(const Node* map, std::string_view key) {
  const Node* found = map == nullptr ? nullptr : map->find(key);
  return found != nullptr && found->is_scalar() && found->style == Node::Style::double_quoted
             ? found->text
             : "";
}

Entry entry(std::string_view key, Node value) { return {Node::string(key), std::move(value)}; }

/// A review's request, its parts looked up.
struct Request {
  const Node* object = nullptr;
  std::string uid, group, version, kind, operation, sub_resource, name_space, name;
  bool dry_run = false;

  [[nodiscard]] bool is_new_pod() const {
    return group.empty() && version == "v1" && kind == "Pod" && sub_resource.empty() &&
           operation == "CREATE";
  }
  [[nodiscard]] std::string subject() const {
    return kind.substr(0, kLongestName) + " " + name_space.substr(0, kLongestName) + "/" +
           name.substr(0, kLongestName);
  }
};

/// Controllers leave the name to the API server, which adds to the generateName later than this.
std::string name_of(const Node& request, const Node* object) {
  std::string name = text_at(&request, "name");
  const Node* metadata = object == nullptr ? nullptr : object->find("metadata");
  if (name.empty()) name = text_at(metadata, "name");
  return name.empty() ? text_at(metadata, "generateName") : name;
}

Result<Request> read_request(const Node& review) {
  if (text_at(&review, "kind") != "AdmissionReview")
    return malformed("kind: expected AdmissionReview");
  if (text_at(&review, "apiVersion") != kVersion)
    return malformed("apiVersion: expected " + std::string(kVersion));
  const Node* request = review.find("request");
  if (request == nullptr || !request->is_map()) return malformed("request: expected an object");
  Request out;
  out.uid = text_at(request, "uid");
  if (out.uid.empty()) return malformed("request.uid: expected a text");
  out.operation = text_at(request, "operation");
  if (out.operation.empty()) return malformed("request.operation: expected a text");
  const Node* kind = request->find("kind");
  out.kind = text_at(kind, "kind");
  if (out.kind.empty()) return malformed("request.kind.kind: expected a text");
  out.group = text_at(kind, "group");
  out.version = text_at(kind, "version");
  out.sub_resource = text_at(request, "subResource");
  out.name_space = text_at(request, "namespace");
  out.object = request->find("object");
  out.name = name_of(*request, out.object);
  const Node* dry_run = request->find("dryRun");
  out.dry_run = dry_run != nullptr && dry_run->is_true();
  if (out.is_new_pod() && (out.object == nullptr || !out.object->is_map()))
    return malformed("request.object: expected a Pod");
  return out;
}

struct Verdict {
  bool allowed = true;
  std::string message;  // of one that is not allowed
  std::string patch;
  std::vector<std::string> warnings;
};

Result<std::string> write_answer(const Request& request, const Verdict& verdict) {
  std::vector<Entry> response;
  response.push_back(entry("uid", Node::string(request.uid)));
  response.push_back(entry("allowed", Node::plain(verdict.allowed ? "true" : "false")));
  if (!verdict.allowed)
    response.push_back(entry(
        "status",
        Node::map({entry("code", Node::plain("403")), entry("reason", Node::string("Forbidden")),
                   entry("message", Node::string(verdict.message))})));
  if (!verdict.patch.empty()) {
    response.push_back(entry("patchType", Node::string("JSONPatch")));
    response.push_back(entry("patch", Node::string(base64(verdict.patch))));
  }
  if (!verdict.warnings.empty()) {
    std::vector<Node> warnings;
    for (const std::string& one : verdict.warnings) warnings.push_back(Node::string(one));
    response.push_back(entry("warnings", Node::list(std::move(warnings))));
  }
  return inject::write_compact_json(Node::map({entry("apiVersion", Node::string(kVersion)),
                                               entry("kind", Node::string("AdmissionReview")),
                                               entry("response", Node::map(std::move(response)))}));
}

/// What is to be done with the Pod, into both.
Result<void> decide(const Request& request, const AdmissionOptions& options, ReviewAnswer& answer,
                    Verdict& verdict) {
  const auto injection = inject::plan_pod(*request.object, options.inject, "Pod", request.name);
  if (!injection) {
    answer.decision = Decision::refused;
    answer.reason = injection.error().message;
    if (options.on_refusal == OnRefusal::deny) {
      verdict.allowed = false;
      verdict.message = "weir cannot inject this Pod: " + answer.reason;
    } else {
      verdict.warnings.push_back("weir leaves this Pod alone: " + answer.reason);
    }
    return {};
  }
  verdict.warnings = injection->warnings;
  answer.reason = injection->why;
  if (injection->edits.empty()) return {};
  TRY(verdict.patch, inject::to_json_patch(injection->edits));
  answer.decision = Decision::injected;
  return {};
}

}  // namespace

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::injected:
      return "injected";
    case Decision::unchanged:
      return "unchanged";
    case Decision::refused:
      break;
  }
  return "refused";
}

Result<ReviewAnswer> answer_review(std::string_view body, const AdmissionOptions& options) {
  if (has_too_many_values(body)) return malformed("more values than a Pod has");
  auto review = inject::parse_json(body);
  if (!review) return malformed(review.error().message);
  TRY(const Request request, read_request(*review));
  ReviewAnswer answer{.subject = request.subject(), .dry_run = request.dry_run};
  Verdict verdict;
  if (request.is_new_pod()) {
    TRY_VOID(decide(request, options, answer, verdict));
  } else {
    answer.reason = "only Pods that are created are injected";
  }
  TRY(answer.body, write_answer(request, verdict));
  return answer;
}

}  // namespace weir::control
