// SPDX-License-Identifier: Apache-2.0
// ProcessMemory: what this process takes.
#pragma once

#include <cstdint>

namespace weir::admin {

/// Bytes.
struct ProcessMemory {
  std::uint64_t allocated = 0;  // in use by the program (malloc)
  std::uint64_t heap_size = 0;  // taken from the kernel by malloc
  std::uint64_t physical = 0;   // resident, shared pages included
};

/// Source: mallinfo2(3), /proc/self/statm (proc(5)). What cannot be read is 0.
ProcessMemory read_process_memory();

}  // namespace weir::admin
