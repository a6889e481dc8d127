// SPDX-License-Identifier: Apache-2.0
// NodeIdentity: who asks, as far as the answer depends on it.
#pragma once

#include <compare>
#include <string>

namespace envoy::config::core::v3 {
class Node;
}

namespace weir::control {

struct NodeIdentity {
  std::string id;
  std::string name_space = "default";
  std::string address;  // "" = unknown: no listener for what the workload itself serves

  auto operator<=>(const NodeIdentity&) const = default;
};

/// Reads `sidecar~<ip>~<pod>.<namespace>~<domain>`, and metadata NAMESPACE and INSTANCE_IPS, which
/// count more. Any other id is only a name.
NodeIdentity node_from_proto(const envoy::config::core::v3::Node& node);

}  // namespace weir::control
