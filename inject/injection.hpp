// SPDX-License-Identifier: Apache-2.0
// The injection as a value: what is added to a Pod, why it is refused, and what takes it back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/edit.hpp"
#include "inject/node.hpp"
#include "inject/options.hpp"
#include "inject/pod_facts.hpp"

namespace weir::inject {

inline constexpr std::string_view kStatusAnnotation = "weir.io/status";
inline constexpr std::string_view kInitName = "weir-init";
inline constexpr std::string_view kProxyName = "weir-proxy";
inline constexpr std::string_view kConfigVolume = "weir-config";

/// What is to be done with a Pod. `edits` is empty when nothing is to be done, and `why` says it.
struct Injection {
  std::vector<Edit> edits;
  std::string why;  // "label sidecar.istio.io/inject is 'false'", "already injected"
  std::vector<std::string> warnings;  // what works otherwise than somebody may expect
};

/// Why a Pod cannot be injected: "field '/spec/hostNetwork': reason; remedy", one for each reason.
/// Empty when it can.
std::vector<std::string> find_refusals(const PodFacts& facts, const InjectOptions& options);

/// For a Pod that is not injected yet. Error: the first refusal, and how many more there are.
Result<Injection> plan_injection(const PodFacts& facts, const InjectOptions& options);

/// The edits that take an injection back, from what the Pod's status annotation says; none when the
/// Pod has no such annotation. Error when the annotation is not ours.
Result<std::vector<Edit>> plan_removal(const Node& pod);

/// For any Pod: an injection that is there already is replaced, and nothing is done when that would
/// change nothing.
Result<Injection> plan_pod(const Node& pod, const InjectOptions& options,
                           const std::string& kind = "Pod", const std::string& name = "");

/// For a webhook: the JSON of a Pod → the patch that the API server is to apply. Error: the
/// refusal.
struct PodPatch {
  std::string patch;  // a JSON patch; empty when nothing is to be done
  std::string why;    // then
  std::vector<std::string> warnings;
};
Result<PodPatch> patch_pod(std::string_view pod_json, const InjectOptions& options);

}  // namespace weir::inject
