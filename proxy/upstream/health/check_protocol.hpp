// SPDX-License-Identifier: Apache-2.0
// CheckProtocol: what an active check says to a host and what it makes of the answer. No I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/health/check_state.hpp"

namespace weir::upstream {

/// One connection to one host: begin(), feed() until there is a result, begin() again.
class CheckProtocol {
 public:
  CheckProtocol() = default;
  CheckProtocol(const CheckProtocol&) = delete;
  CheckProtocol& operator=(const CheckProtocol&) = delete;
  virtual ~CheckProtocol() = default;

  /// An established connection is all that is wanted: nothing is sent.
  [[nodiscard]] virtual bool connect_is_enough() const { return false; }
  /// Starts a check. @return what to send.
  virtual std::string begin() = 0;
  /// What has arrived. nullopt: the answer is not complete.
  virtual std::optional<CheckResult> feed(std::string_view bytes) = 0;
  /// What the protocol itself has to send after feed(): acknowledgements.
  virtual std::string take_output() { return {}; }
  /// The host has closed its side before there was a result.
  virtual CheckResult closed();
  /// After a result: another check may go over the same connection.
  [[nodiscard]] virtual bool keeps_open() const { return true; }
};

/// For a new connection to a host of `cluster`. `check` outlives it.
std::unique_ptr<CheckProtocol> make_check_protocol(const config::ClusterConfig& cluster,
                                                   const config::HealthCheckConfig& check);

}  // namespace weir::upstream
