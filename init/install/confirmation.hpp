// SPDX-License-Identifier: Apache-2.0
// `--confirm`: an installation that goes again unless somebody can still say that it shall stay.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/result.hpp"
#include "common/unique_fd.hpp"

namespace weir::init {

/// Where `weir-init confirm` reaches the installation that waits: a name in the abstract socket
/// space of the network namespace. Opened before anything is changed; signals wait from then on.
/// EBUSY: another one waits already.
Result<UniqueFd> open_confirmation();

enum class Confirmation : std::uint8_t {
  confirmed,
  timed_out,
  ended  // SIGTERM or SIGINT
};

/// Waits for `weir-init confirm` of the same user or root, or for Enter on a terminal. A lost
/// terminal (SIGHUP) is no end: that is the case this is for.
Confirmation wait_for_confirmation(const UniqueFd& socket, std::chrono::milliseconds time);

/// The other side. ESRCH: no installation waits here.
Result<void> send_confirmation();

}  // namespace weir::init
