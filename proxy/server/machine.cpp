// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/machine.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <unistd.h>

namespace weir::server {
namespace {

// A directory's quota in processors, or nullopt without one. Plain stdio: no locale, no streams at
// start-up.
std::optional<double> quota_of(const std::filesystem::path& directory) {
  const auto read = [&](const char* name, const char* format, long long& first, long long* second) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen((directory / name).c_str(), "re"),
                                                     &std::fclose);
    if (file == nullptr) return 0;
    return second != nullptr ? std::fscanf(file.get(), format, &first, second)
                             : std::fscanf(file.get(), format, &first);
  };
  long long quota = 0;
  long long period = 0;
  if (read("cpu.max", "%lld %lld", quota, &period) == 2 && quota > 0 && period > 0)
    return static_cast<double>(quota) / static_cast<double>(period);
  if (read("cpu.cfs_quota_us", "%lld", quota, nullptr) == 1 && quota > 0 &&
      read("cpu.cfs_period_us", "%lld", period, nullptr) == 1 && period > 0)
    return static_cast<double>(quota) / static_cast<double>(period);
  return std::nullopt;
}

/// The pages of one loaded object that nobody can have changed: its code and constants.
int drop_unchanged_pages(dl_phdr_info* object, std::size_t /*size*/, void* /*unused*/) {
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  for (ElfW(Half) i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const ElfW(Addr) begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const ElfW(Addr) end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    // A hint: without it nothing but memory is lost.
    static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
  }
  return 0;
}

}  // namespace

unsigned granted_processors(const std::filesystem::path& cgroup_root) {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    count = static_cast<unsigned>(std::max(CPU_COUNT(&set), 1));
  // In a container the root of the mounted hierarchy is the container's own group.
  for (const auto& directory : {cgroup_root, cgroup_root / "cpu"}) {
    if (const auto quota = quota_of(directory)) {
      const auto whole =
          static_cast<unsigned>(*quota) + (*quota > static_cast<unsigned>(*quota) ? 1u : 0u);
      return std::clamp(whole, 1u, count);
    }
  }
  return count;
}

std::uint64_t raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = limit.rlim_max;
  }
  return limit.rlim_cur;
}

std::uint32_t connection_limit(std::uint64_t open_files) {
  // Listening sockets, event loops, logs, admin, DNS; and pipes: bulk falls back to copying when
  // they run out.
  const std::uint64_t reserved = std::min<std::uint64_t>(256, open_files / 4);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>((open_files - reserved) / 2, 1u << 30));
}

void give_back_memory() {
  malloc_trim(0);
  dl_iterate_phdr(drop_unchanged_pages, nullptr);
}

}  // namespace weir::server
