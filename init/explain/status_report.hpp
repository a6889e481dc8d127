// SPDX-License-Identifier: Apache-2.0
// What `status` says: a value, its text, its exit code. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "init/explain/listeners.hpp"
#include "init/explain/purpose.hpp"
#include "init/install/config_chain.hpp"
#include "init/install/optional_feature.hpp"
#include "init/rules/backend.hpp"
#include "init/system/exit_code.hpp"

namespace weir::init {

/// A port that the rules lead to.
struct ProxyPort {
  std::string purpose;  // "outbound", "inbound", "DNS"
  std::uint16_t port = 0;
  bool udp = false;
  std::vector<Listener> listeners;
};

struct StatusReport {
  bool installed = false;
  std::string backend;
  std::optional<KeptConfig> kept;
  std::string kept_error;          // why the flags are not known; drift is not either, then
  std::vector<std::string> drift;  // of the rules
  std::vector<std::string> routing_drift;
  std::vector<OptionalFeature> left_out;
  std::vector<PurposeCount> counts;
  std::vector<ProxyPort> ports;
  std::vector<OtherNat> other_nat;
};

/// Ports that the configuration redirects to, with who listens there.
std::vector<ProxyPort> proxy_ports(const RedirectConfig& config,
                                   const std::vector<Listener>& listeners);

/// Intact 0; nothing installed 1; drift, or flags that are not known 6.
ExitCode status_code(const StatusReport& report);
std::string status_text(const StatusReport& report);
std::string status_json(const StatusReport& report);

}  // namespace weir::init
