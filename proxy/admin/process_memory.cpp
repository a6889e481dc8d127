// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/process_memory.hpp"

#include <fstream>

#include <malloc.h>
#include <unistd.h>

namespace weir::admin {

ProcessMemory read_process_memory() {
  const struct mallinfo2 heap = ::mallinfo2();
  ProcessMemory memory;
  memory.allocated = heap.uordblks + heap.hblkhd;
  memory.heap_size = heap.arena + heap.hblkhd;
  std::uint64_t size = 0, resident = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> size >> resident)
    memory.physical = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory;
}

}  // namespace weir::admin
