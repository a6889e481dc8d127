// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/host_health.hpp"

#include <string_view>
#include <utility>

namespace weir::upstream {

std::string to_string_of_health(HealthFlags flags) {
  using enum HealthFlag;
  static constexpr std::pair<HealthFlag, std::string_view> kNames[] = {
      {failed_active_hc, "/failed_active_hc"},
      {failed_outlier_check, "/failed_outlier_check"},
      {failed_eds_health, "/failed_eds_health"},
      {degraded_active_hc, "/degraded_active_hc"},
      {degraded_eds_health, "/degraded_eds_health"},
      {pending_dynamic_removal, "/pending_dynamic_removal"},
      {excluded_via_immediate_hc_fail, "/excluded_via_immediate_hc_fail"},
      {active_hc_timeout, "/active_hc_timeout"},
      {eds_status_draining, "/eds_status_draining"},
  };
  std::string text;
  for (const auto& [flag, name] : kNames)
    if ((flags & static_cast<HealthFlags>(flag)) != 0) text += name;
  return text.empty() ? "healthy" : text;
}

}  // namespace weir::upstream
