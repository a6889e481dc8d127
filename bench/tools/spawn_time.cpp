// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include "bench/tools/measure.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

struct Spawned {
  pid_t pid = -1;
  // Written by the child just before exec, so that the fork is not counted.
  const volatile std::int64_t* exec_ns = nullptr;
};

Spawned spawn(const Flags& flags, uid_t uid) {
  if (flags.command().empty()) fail("command: missing after '--'");
  std::vector<char*> words;
  for (const std::string& word : flags.command()) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* exec_ns = static_cast<volatile std::int64_t*>(page);
  *exec_ns = 0;
  const int output =
      open(flags.text("output", "/dev/null").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(output, 1);
    dup2(output, 2);
    if (uid != 0 && (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 ||
                     setresuid(uid, uid, uid) != 0)) {
      _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    *exec_ns = now_ns();
    execv(words[0], words.data());
    _exit(127);
  }
  close(output);
  return {pid, exec_ns};
}

// Connects, sends a request and waits up to 2 s for one byte of its reply.
bool try_exchange(const sockaddr_in& destination) {
  const int fd = connect_to(destination);
  if (fd < 0) return false;
  const timeval patience{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const std::array<char, kRequestSize> request{};
  char byte = 0;
  const bool ok = write_all(fd, request.data(), request.size()) && recv(fd, &byte, 1, 0) == 1;
  reset_on_close(fd);
  close(fd);
  return ok;
}

}  // namespace

int run_exec_to_exit(const Flags& flags) {
  const Spawned child = spawn(flags, 0);
  int status = 0;
  rusage usage{};
  wait4(child.pid, &status, 0, &usage);
  const std::int64_t ended = now_ns();
  const auto cpu_us = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
  };
  std::printf("{\"ms\":%.4f,\"cpu_ms\":%.3f,\"status\":%d,\"signal\":%d}\n",
              static_cast<double>(ended - *child.exec_ns) / 1e6,
              static_cast<double>(cpu_us(usage.ru_utime) + cpu_us(usage.ru_stime)) / 1e3,
              WIFEXITED(status) ? WEXITSTATUS(status) : -1,
              WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return 0;
}

int run_first_byte(const Flags& flags) {
  const sockaddr_in destination = parse_destination(flags.text("to"));
  const Spawned child = spawn(flags, static_cast<uid_t>(flags.number("uid", 0)));
  const std::int64_t begun = now_ns();
  int attempts = 0;
  std::int64_t answered = 0;
  while (now_ns() - begun < 10'000'000'000) {
    ++attempts;
    if (try_exchange(destination)) {
      answered = now_ns();
      break;
    }
    int status = 0;
    if (waitpid(child.pid, &status, WNOHANG) == child.pid)
      fail("the proxy ended before it proxied a byte");
    const timespec pause{0, 100'000};
    nanosleep(&pause, nullptr);
  }
  kill(child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
  if (answered == 0) fail("no byte came back within 10 s");
  std::printf("{\"ms\":%.4f,\"attempts\":%d}\n",
              static_cast<double>(answered - *child.exec_ns) / 1e6, attempts);
  return 0;
}

}  // namespace bench
