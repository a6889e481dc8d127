// SPDX-License-Identifier: Apache-2.0
// One weir-init at a time in a network namespace.
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

namespace weir::init {

/// Waits its turn, at most 30 s. The lock is a name in the abstract socket space, which belongs to
/// the network namespace: no file is needed, and it is free again when the descriptor is closed or
/// its process ends. Error EBUSY: another weir-init is still at work. Source: unix(7),
/// network_namespaces(7).
Result<UniqueFd> lock_namespace();

}  // namespace weir::init
