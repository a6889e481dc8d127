// SPDX-License-Identifier: Apache-2.0
// Where the Pods of a document are.
#pragma once

#include <string>
#include <vector>

#include "inject/node.hpp"

namespace weir::inject {

/// A Pod, or the template of Pods of a workload.
struct Workload {
  std::string path;  // pointer to what has the Pod's metadata and spec: "/spec/template"
  std::string kind;
  std::string name;
};

/// Pod, PodTemplate, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job,
/// CronJob, and those in a List, in order. Kinds of the same name in other API groups are none.
std::vector<Workload> find_workloads(const Node& root);

}  // namespace weir::inject
