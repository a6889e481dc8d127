// SPDX-License-Identifier: Apache-2.0
// HttpCheck: one request over HTTP/1.1, judged by the status of its response.
#pragma once

#include <llhttp.h>

#include "proxy/upstream/health/check_protocol.hpp"

namespace weir::upstream {

/// Bodies are read and thrown away. `x-envoy-degraded` in a good answer makes the host degraded,
/// `x-envoy-immediate-health-check-fail` leaves it out when hosts are counted.
class HttpCheck final : public CheckProtocol {
 public:
  static constexpr std::size_t kMaxHeadBytes = 64 * 1024;

  /// `config` outlives the check. `host`: for the header of that name.
  HttpCheck(const config::HealthCheckConfig& config, const std::string& host);

  std::string begin() override;
  std::optional<CheckResult> feed(std::string_view bytes) override;
  CheckResult closed() override;
  [[nodiscard]] bool keeps_open() const override { return keep_alive_; }

 private:
  enum class Header { other, degraded, immediate_failure };
  static const llhttp_settings_t& settings();
  static HttpCheck& self(llhttp_t* parser);
  void end_header_name();
  [[nodiscard]] CheckResult judge() const;
  static CheckResult broken(std::string_view what);

  const config::HealthCheckConfig& config_;
  const std::string request_;
  llhttp_t parser_{};
  std::string field_;
  std::size_t head_bytes_ = 0;
  bool in_head_ = true;
  bool complete_ = false;
  bool degraded_ = false;
  bool immediate_failure_ = false;
  bool keep_alive_ = true;
};

}  // namespace weir::upstream
