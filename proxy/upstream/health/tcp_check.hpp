// SPDX-License-Identifier: Apache-2.0
// TcpCheck: a connection is enough, or bytes are sent and others are expected.
#pragma once

#include "proxy/upstream/health/check_protocol.hpp"

namespace weir::upstream {

/// The expected blocks must appear in their order; anything may stand before and between them.
class TcpCheck final : public CheckProtocol {
 public:
  /// `config` outlives the check.
  explicit TcpCheck(const config::HealthCheckConfig& config) : config_(config) {}

  [[nodiscard]] bool connect_is_enough() const override { return config_.receive.empty(); }
  std::string begin() override;
  std::optional<CheckResult> feed(std::string_view bytes) override;

 private:
  const config::HealthCheckConfig& config_;
  std::string unmatched_;  // what may still be the beginning of the next block
  std::size_t matched_ = 0;
};

}  // namespace weir::upstream
