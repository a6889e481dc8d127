// SPDX-License-Identifier: Apache-2.0
// What the operator chooses for all Pods; a Pod's own labels and annotations go before it.
#pragma once

#include <cstdint>
#include <string>

#include "common/ports.hpp"

namespace weir::inject {

/// Whether a Pod without a word about injection gets it.
enum class Policy : std::uint8_t { enabled, disabled };

struct InjectOptions {
  std::string init_image = "weir-init:" WEIR_VERSION;
  std::string proxy_image = "weir-proxy:" WEIR_VERSION;
  std::string image_pull_policy;  // empty: Kubernetes' default
  bool native_sidecar = true;     // an init container that restarts (Kubernetes 1.29 and later)
  Policy policy = Policy::enabled;
  // Where the sidecar's configuration comes from: one of both, or neither (the built-in one).
  std::string config_map;  // its key envoy.yaml becomes /etc/envoy/envoy.yaml
  std::string control;     // HOST:PORT of a control plane
  // What a container may ask for and use, in Kubernetes' words; empty: not said.
  std::string proxy_cpu = "10m";
  std::string proxy_memory = "32Mi";
  std::string proxy_cpu_limit;
  std::string proxy_memory_limit = "256Mi";
  unsigned termination_drain_s = 5;
  std::string log_level;  // empty: weir-proxy's default
};

}  // namespace weir::inject
