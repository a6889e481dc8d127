// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/cpu_watch.hpp"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <utility>

#include <dirent.h>

namespace bench {
namespace {

void for_each_number(const std::string& folder, const std::function<void(int)>& visit) {
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0]))) visit(std::atoi(entry->d_name));
  }
  closedir(directory);
}

std::int64_t first_number(const std::string& path) {
  long long value = 0;
  if (FILE* file = std::fopen(path.c_str(), "r")) {
    if (std::fscanf(file, "%lld", &value) != 1) value = 0;
    std::fclose(file);
  }
  return value;
}

std::int64_t process_cpu(int pid) {
  std::int64_t sum = 0;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
  for_each_number(
      tasks, [&](int tid) { sum += first_number(tasks + std::to_string(tid) + "/schedstat"); });
  return sum;
}

bool is_kernel_worker(int pid) {
  char name[32] = {};
  if (FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/comm").c_str(), "r")) {
    if (std::fgets(name, sizeof name, file) == nullptr) name[0] = 0;
    std::fclose(file);
  }
  return std::strncmp(name, "kworker", 7) == 0 || std::strncmp(name, "ksoftirqd", 9) == 0;
}

std::int64_t kernel_workers_cpu() {
  std::int64_t sum = 0;
  for_each_number("/proc", [&](int pid) {
    if (is_kernel_worker(pid)) sum += first_number("/proc/" + std::to_string(pid) + "/schedstat");
  });
  return sum;
}

std::int64_t own_cpu() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

CpuWatch::CpuWatch(std::vector<int> proxy, std::vector<int> upstream)
    : proxy_(std::move(proxy)), upstream_(std::move(upstream)) {}

CpuWatch::Sample CpuWatch::sample() const {
  Sample sample;
  for (const int pid : proxy_) sample.proxy += process_cpu(pid);
  for (const int pid : upstream_) sample.upstream += process_cpu(pid);
  sample.client = own_cpu();
  return sample;
}

void CpuWatch::start() {
  // The walk over all processes is slow, so it happens outside the window of the others.
  const std::int64_t kernel = kernel_workers_cpu();
  start_ = sample();
  start_.kernel = kernel;
}

void CpuWatch::stop() {
  const Sample end = sample();
  used_ = {end.proxy - start_.proxy, end.upstream - start_.upstream, end.client - start_.client,
           kernel_workers_cpu() - start_.kernel};
}

std::string CpuWatch::json() const {
  char text[200];
  std::snprintf(text, sizeof text,
                "\"proxy_ns\":%lld,\"upstream_ns\":%lld,\"client_ns\":%lld,\"kernel_ns\":%lld",
                static_cast<long long>(used_.proxy), static_cast<long long>(used_.upstream),
                static_cast<long long>(used_.client), static_cast<long long>(used_.kernel));
  return text;
}

}  // namespace bench
