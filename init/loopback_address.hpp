// SPDX-License-Identifier: Apache-2.0
// The address ::6/128 on lo, which the proxy's inbound IPv6 passthrough binds (127.0.0.6 needs no
// help: 127/8 is all lo's).
#pragma once

#include <cstdint>

#include "common/result.hpp"

namespace weir::init {

enum class AddressOutcome : std::uint8_t {
  added,
  present,
  removed,
  absent,
  no_ipv6  // the kernel has no IPv6, or it is disabled on lo
};

/// Adds the address. @return added, present or no_ipv6. Error EPERM: CAP_NET_ADMIN is missing.
Result<AddressOutcome> add_passthrough_address();
/// Removes the address. @return removed, absent or no_ipv6.
Result<AddressOutcome> remove_passthrough_address();

}  // namespace weir::init
