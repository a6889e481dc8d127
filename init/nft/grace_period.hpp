// SPDX-License-Identifier: Apache-2.0
// Waiting until no packet is among the old rules any more.
#pragma once

namespace weir::init {

/// Returns when every packet that was among the rules at the time of the call has left them (5 to
/// 20 ms). The rules are walked under RCU, and membarrier(2) with MEMBARRIER_CMD_GLOBAL waits for a
/// grace period; where that is refused (nohz_full, a seccomp profile), we wait a time that no
/// packet takes.
void wait_for_packets();

}  // namespace weir::init
