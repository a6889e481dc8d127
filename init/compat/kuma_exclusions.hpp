// SPDX-License-Identifier: Apache-2.0
// Kuma's --exclude-outbound-ports-for-uids in weir-init's spelling. Pure.
#pragma once

#include <optional>

#include "common/result.hpp"
#include "init/compat/foreign_flags.hpp"

namespace weir::init {

/// `[protocols:][ports:]uids` of all three flags, as `tcp:PORTS:UIDS;udp:PORTS:UIDS`. Without ports
/// or protocol, or with `*`, all of them are meant. Absent: no exclusion.
Result<std::optional<RawValue>> kuma_user_exclusions(const ForeignValues& values);

}  // namespace weir::init
