// SPDX-License-Identifier: Apache-2.0
// What a rule that counts has counted, in the words of those who ask: redirected, left alone,
// escaped, held, dropped. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "init/rules/backend.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

enum class Purpose : std::uint8_t {
  redirected_outbound,
  redirected_inbound,
  redirected_dns,
  handed_over,  // TPROXY
  left_alone,
  escaped,
  held,
  dropped,
  rejected
};
std::string_view purpose_name(Purpose purpose);

struct PurposeCount {
  Purpose purpose{};
  std::string reason;         // the rules' comment
  std::uint64_t packets = 0;  // of NAT chains: connections
  bool operator==(const PurposeCount&) const = default;
};

/// Rules of one purpose and comment are one entry. In the order of Purpose, then of the rules.
/// Rules that only lead to others are left out.
std::vector<PurposeCount> count_purposes(const Observed& observed, const RedirectConfig& config);

}  // namespace weir::init
