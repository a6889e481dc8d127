// SPDX-License-Identifier: Apache-2.0
// HostHealth: why a host should not be picked, as one word that every worker reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace weir::upstream {

/// One reason each; the names and their order are those of Envoy's `health_flags` in /clusters.
enum class HealthFlag : std::uint32_t {
  failed_active_hc = 1u << 0,
  failed_outlier_check = 1u << 1,
  failed_eds_health = 1u << 2,
  degraded_active_hc = 1u << 3,
  degraded_eds_health = 1u << 4,
  pending_dynamic_removal = 1u << 5,
  excluded_via_immediate_hc_fail = 1u << 6,
  active_hc_timeout = 1u << 7,
  eds_status_draining = 1u << 8,
};

/// Any combination of HealthFlag.
using HealthFlags = std::uint32_t;

constexpr HealthFlags operator|(HealthFlag a, HealthFlag b) {
  return static_cast<HealthFlags>(a) | static_cast<HealthFlags>(b);
}
constexpr HealthFlags operator|(HealthFlags a, HealthFlag b) {
  return a | static_cast<HealthFlags>(b);
}

/// How a load balancer sees a host. degraded: only when the healthy hosts are not enough.
enum class HealthState : std::uint8_t { healthy, degraded, unhealthy };

constexpr HealthState health_state(HealthFlags flags) {
  constexpr HealthFlags kUnhealthy =
      HealthFlag::failed_active_hc | HealthFlag::failed_outlier_check |
      HealthFlag::failed_eds_health | HealthFlag::eds_status_draining;
  constexpr HealthFlags kDegraded =
      HealthFlag::degraded_active_hc | HealthFlag::degraded_eds_health;
  if ((flags & kUnhealthy) != 0) return HealthState::unhealthy;
  return (flags & kDegraded) != 0 ? HealthState::degraded : HealthState::healthy;
}

/// Whether the host is left out when the hosts of its priority are counted.
constexpr bool is_excluded(HealthFlags flags) {
  return (flags & (HealthFlags{} | HealthFlag::excluded_via_immediate_hc_fail)) != 0;
}

/// "healthy", or "/failed_active_hc/failed_outlier_check".
std::string to_string_of_health(HealthFlags flags);

/// Written by the main thread, read anywhere. A writer that changed something raises the HostSet's
/// epoch afterwards.
class HostHealth {
 public:
  /// @return whether this changed anything.
  bool set(HealthFlag flag) noexcept {
    const auto bit = static_cast<HealthFlags>(flag);
    return (flags_.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }
  bool clear(HealthFlag flag) noexcept {
    const auto bit = static_cast<HealthFlags>(flag);
    return (flags_.fetch_and(~bit, std::memory_order_relaxed) & bit) != 0;
  }
  bool assign(HealthFlag flag, bool value) noexcept { return value ? set(flag) : clear(flag); }

  [[nodiscard]] bool has(HealthFlag flag) const noexcept {
    return (flags() & static_cast<HealthFlags>(flag)) != 0;
  }
  [[nodiscard]] HealthFlags flags() const noexcept {
    return flags_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] HealthState state() const noexcept { return health_state(flags()); }

 private:
  std::atomic<HealthFlags> flags_{0};
};

/// Counts the changes of health among the hosts of one cluster: what a load balancer compares at
/// each pick. Shared by all host sets that the cluster has had.
class HealthEpoch {
 public:
  /// Main thread, after the flags were changed.
  void raise() noexcept { epoch_.fetch_add(1, std::memory_order_release); }
  /// Flags read afterwards are at least as new as this number.
  [[nodiscard]] std::uint32_t value() const noexcept {
    return epoch_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint32_t> epoch_{0};
};

}  // namespace weir::upstream
