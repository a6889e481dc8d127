// SPDX-License-Identifier: Apache-2.0
// CPU time that processes used between two moments, in ns, from /proc/PID/task/*/schedstat.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

class CpuWatch {
 public:
  // `proxy` and `upstream` are process ids; all their threads count.
  CpuWatch(std::vector<int> proxy, std::vector<int> upstream);

  void start();
  void stop();

  // "proxy_ns":1,"upstream_ns":2,"client_ns":3,"kernel_ns":4: kernel is kworker and ksoftirqd
  // threads, client is this process. Valid after stop().
  std::string json() const;

 private:
  struct Sample {
    std::int64_t proxy = 0, upstream = 0, client = 0, kernel = 0;
  };
  Sample sample() const;

  std::vector<int> proxy_, upstream_;
  Sample start_, used_;
};

}  // namespace bench
