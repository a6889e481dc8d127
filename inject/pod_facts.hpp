// SPDX-License-Identifier: Apache-2.0
// PodFacts: what the injection wants to know about a Pod (template), in narrow types.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "inject/node.hpp"

namespace weir::inject {

struct PortFact {
  std::string path;
  std::uint16_t port = 0;
  bool tcp = true;
};

struct ContainerFacts {
  std::string path;  // "/spec/containers/0"
  std::string name;
  std::vector<PortFact> ports;
  std::optional<std::int64_t> run_as_user;   // its own, or the Pod's
  std::optional<std::int64_t> run_as_group;  // its own, or the Pod's
  std::string restart_policy;                // "Always": a native sidecar
};

/// Whether a list or map is in the Pod, so that an edit knows whether it must make it.
enum class Presence : std::uint8_t { absent, null, there };

struct PodFacts {
  std::string kind;  // of the object that has the Pod: "Pod", "Deployment", …
  std::string name;  // of that object
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<ContainerFacts> init_containers;
  std::vector<ContainerFacts> containers;
  std::vector<std::string> volumes;
  std::string restart_policy;
  std::string service_account;
  std::string os_name;  // spec.os.name, or what the node selector says
  bool host_network = false;
  bool host_pid = false;
  std::optional<bool> share_process_namespace;
  Presence has_metadata = Presence::absent;
  Presence has_annotations = Presence::absent;
  Presence has_init_containers = Presence::absent;
  Presence has_volumes = Presence::absent;
  Presence has_share_process_namespace = Presence::absent;

  /// Whether the Pod is to end by itself: of a Job, or one that is not always started again.
  [[nodiscard]] bool ends() const;
};

/// `pod` has metadata and spec; kind and name are those of the object it belongs to. Error, with
/// the field's path, for a field of another kind than Kubernetes has there.
Result<PodFacts> read_pod_facts(const Node& pod, const std::string& kind = "Pod",
                                const std::string& name = "");

}  // namespace weir::inject
