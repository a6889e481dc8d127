// SPDX-License-Identifier: Apache-2.0
// Which backend: nftables where the kernel has it, else iptables-legacy's tables.
#pragma once

#include <chrono>
#include <memory>

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// Writes no rule and loads no module to find out: asks nf_tables for its generation and looks into
/// /proc/net/ip_tables_names. `lock_timeout` bounds the wait for the lock of iptables-legacy.
/// EOPNOTSUPP: the kernel has neither, or not the one that was asked for.
Result<std::unique_ptr<Backend>> open_backend(BackendKind kind,
                                              std::chrono::milliseconds lock_timeout);

/// The other one, when something of ours is in it (a namespace that changes over); nullptr else.
Result<std::unique_ptr<Backend>> open_left_backend(const Backend& chosen,
                                                   std::chrono::milliseconds lock_timeout);

}  // namespace weir::init
