// SPDX-License-Identifier: Apache-2.0
// What the machine grants this process, processors and open files, and what goes back to it.
#pragma once

#include <cstdint>
#include <filesystem>

namespace weir::server {

/// Processors that the process may use at once, at least 1: the affinity mask, cut to the CPU quota
/// of its cgroup (v2 cpu.max, v1 cpu.cfs_quota_us), rounded up.
unsigned granted_processors(const std::filesystem::path& cgroup_root = "/sys/fs/cgroup");

/// Raises RLIMIT_NOFILE to its hard limit and returns it.
std::uint64_t raise_open_file_limit();

/// How many downstream connections fit under `open_files` descriptors: two each, and some for
/// everything else.
std::uint32_t connection_limit(std::uint64_t open_files);

/// Gives back to the machine what was needed once, for a start or a large change: free memory of
/// the heap, and the pages of the program that have been read. What is used again comes from the
/// page cache, at the price of a minor fault. Any thread.
void give_back_memory();

}  // namespace weir::server
