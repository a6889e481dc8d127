// SPDX-License-Identifier: Apache-2.0
// PodSettings: the operator's options and the Pod's own labels and annotations, as one value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "inject/node.hpp"
#include "inject/options.hpp"
#include "inject/pod_facts.hpp"

namespace weir::inject {

/// Flags of weir-init, each text checked to be valid for it.
struct TrafficSettings {
  bool tproxy = false;
  std::string outbound_cidrs = "*";
  std::string outbound_excluded_cidrs;
  std::string inbound_ports = "*";
  std::string inbound_excluded_ports = "15090,15021,15020";
  std::string outbound_ports;  // empty: the flag is left out, as below
  std::string outbound_excluded_ports;
  std::string excluded_interfaces;
  std::string virtual_interfaces;
};

struct PodSettings {
  InjectOptions options;  // with what annotations say about image, resources, log level, drain
  TrafficSettings traffic;
  bool hold_application = true;
  std::optional<unsigned> concurrency;
  std::vector<Node> volumes;  // of the Pod's own choice, for the proxy
  std::vector<Node> mounts;
};

/// Whether the Pod is to be injected at all; `why` is why not.
struct Choice {
  bool inject = true;
  std::string why;
};

/// Error quotes a label or annotation that is neither true nor false.
Result<Choice> read_choice(const PodFacts& facts, const InjectOptions& options);

/// Each problem goes to `refusals` as "annotation 'NAME': reason", what has no effect to
/// `warnings`.
PodSettings read_settings(const PodFacts& facts, const InjectOptions& options,
                          std::vector<std::string>& refusals, std::vector<std::string>& warnings);

}  // namespace weir::inject
