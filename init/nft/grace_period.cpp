// SPDX-License-Identifier: Apache-2.0
#include "init/nft/grace_period.hpp"

#include <sys/syscall.h>

#include <linux/membarrier.h>

#include <chrono>
#include <thread>

#include <unistd.h>

namespace weir::init {

void wait_for_packets() {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

}  // namespace weir::init
