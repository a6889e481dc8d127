// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/application_watch.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/unique_fd.hpp"
#include "proxy/server/application_reader.hpp"

namespace weir::server {
namespace {

using namespace std::chrono_literals;

constexpr ProcessView kProxy{20, 1337, 1337};
constexpr ApplicationWatch::Clock::time_point kStart(1h);

TEST(ApplicationWatch, EveryProcessIsTheApplicationsButThreeKinds) {
  const ApplicationWatch watch(kProxy);
  EXPECT_TRUE(watch.owns(ProcessView{30, 0, 0}));
  EXPECT_TRUE(watch.owns(ProcessView{30, 1337, 0})) << "another container with the user";
  EXPECT_FALSE(watch.owns(ProcessView{1, 65535, 65535})) << "the first";
  EXPECT_FALSE(watch.owns(kProxy));
  EXPECT_FALSE(watch.owns(ProcessView{31, 1337, 1337})) << "a probe";
}

TEST(ApplicationWatch, AProxyThatIsRootKnowsItselfByItsGroup) {
  const ApplicationWatch watch({20, 0, 1337});
  EXPECT_TRUE(watch.owns(ProcessView{30, 0, 0}));
  EXPECT_FALSE(watch.owns(ProcessView{31, 0, 1337}));
}

TEST(ApplicationWatch, WhoWasNeverThereHasNotEnded) {
  ApplicationWatch watch(kProxy);
  EXPECT_FALSE(watch.has_ended({}, kStart));
  EXPECT_FALSE(watch.has_ended({}, kStart + 1h));
}

TEST(ApplicationWatch, GoneForTwoSecondsIsTheEnd) {
  ApplicationWatch watch(kProxy);
  EXPECT_FALSE(watch.has_ended(30, kStart));
  EXPECT_FALSE(watch.has_ended(30, kStart + 1s));
  EXPECT_FALSE(watch.has_ended({}, kStart + 10s));
  EXPECT_FALSE(watch.has_ended({}, kStart + 11s));
  EXPECT_TRUE(watch.has_ended({}, kStart + 12s));
}

TEST(ApplicationWatch, WhoPassesByIsNotTheApplication) {
  ApplicationWatch watch(kProxy);
  EXPECT_FALSE(watch.has_ended(30, kStart));
  EXPECT_FALSE(watch.has_ended({}, kStart + 1s));
  EXPECT_FALSE(watch.has_ended({}, kStart + 1h));
  EXPECT_FALSE(watch.has_seen());
}

TEST(ApplicationWatch, WhoComesBackGoesOn) {
  ApplicationWatch watch(kProxy);
  watch.see(30);
  EXPECT_FALSE(watch.has_ended(30, kStart));
  EXPECT_FALSE(watch.has_ended({}, kStart + 1s));
  EXPECT_FALSE(watch.has_ended(31, kStart + 2s));
  EXPECT_FALSE(watch.has_ended({}, kStart + 4s));
  EXPECT_FALSE(watch.has_ended({}, kStart + 5s));
  EXPECT_TRUE(watch.has_ended({}, kStart + 6s));
}

TEST(ApplicationWatch, SocketsOfOthersThatAreInUseShowIt) {
  const ApplicationWatch watch(kProxy);
  for (const int state : {TCP_LISTEN, TCP_SYN_SENT, TCP_ESTABLISHED, TCP_CLOSE_WAIT}) {
    const auto value = static_cast<std::uint8_t>(state);
    EXPECT_TRUE(watch.owns(SocketView{0, value, 5})) << state;
    EXPECT_FALSE(watch.owns(SocketView{kProxy.uid, value, 5})) << "the proxy's";
    EXPECT_FALSE(watch.owns(SocketView{0, value, 0})) << "nobody's";
  }
  for (const int state : {TCP_TIME_WAIT, TCP_FIN_WAIT1, TCP_LAST_ACK, TCP_CLOSE})
    EXPECT_FALSE(watch.owns(SocketView{0, static_cast<std::uint8_t>(state), 5})) << state;
}

TEST(ApplicationWatch, IsSeenTheSecondTime) {
  ApplicationWatch watch(kProxy);
  watch.see(30);
  EXPECT_FALSE(watch.has_seen());
  watch.see(31);
  EXPECT_FALSE(watch.has_seen());
  watch.see(31);
  EXPECT_TRUE(watch.has_seen());
}

auto is(pid_t pid) {
  return [pid](const ProcessView& process) { return process.pid == pid; };
}

/// A process of this one's that has ended, and waits to be collected.
class Ended {
 public:
  Ended() : pid_(fork()) {
    if (pid_ == 0) _exit(0);
    siginfo_t info;
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  ~Ended() { waitpid(pid_, nullptr, 0); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(ApplicationReader, FindsWhoRunsAndIsWanted) {
  std::optional<ProcessView> seen;
  const auto found = find_process(
      [&](const ProcessView& process) {
        if (process.pid != getpid()) return false;
        seen = process;
        return true;
      },
      0);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, getpid());
  EXPECT_EQ(seen->uid, own_process().uid);
  EXPECT_EQ(seen->gid, own_process().gid);
  const Ended ended;
  const auto none = find_process(is(ended.pid()), ended.pid());
  EXPECT_TRUE(none && !*none);
}

TEST(ApplicationReader, LooksAtTheLikelyOneFirst) {
  int asked = 0;
  const auto anybody = [&asked](const ProcessView&) { return ++asked > 0; };
  EXPECT_EQ(**find_process(anybody, getpid()), getpid());
  EXPECT_EQ(asked, 1);
  const Ended gone;
  EXPECT_EQ(**find_process(is(getpid()), gone.pid()), getpid()) << "and then at all";
}

TEST(ApplicationReader, TheRuntimeThatExecutesAProbeIsNotTheApplication) {
  const std::filesystem::path proc =
      std::filesystem::temp_directory_path() / ("weir-proc-" + std::to_string(getpid()));
  const auto put = [&proc](const std::string& name, const std::string& text) {
    std::filesystem::create_directories((proc / name).parent_path());
    std::ofstream(proc / name) << text;
  };
  put("self/cgroup", "0::/");
  put("7/stat", "7 (runc:[2:INIT]) S 1 1");
  put("7/cgroup", "0::/");
  const auto anybody = [](const ProcessView&) { return true; };
  EXPECT_FALSE(*find_process(anybody, 0, proc)) << "in the proxy's container";
  put("7/cgroup", "0::/../other");
  EXPECT_EQ(**find_process(anybody, 0, proc), 7) << "a container that begins";
  put("7/cgroup", "0::/");
  put("7/stat", "7 (sh) S 1 1");
  EXPECT_EQ(**find_process(anybody, 0, proc), 7);
  std::filesystem::remove_all(proc);
}

TEST(ApplicationReader, WithoutProcNobodyIsVisible) {
  const auto none = find_process(is(getpid()), getpid(), "/nowhere");
  EXPECT_TRUE(none && !*none);
}

/// No descriptor can be had while it lives.
class Shortage {
 public:
  Shortage() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit none{static_cast<rlim_t>(next.get()), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~Shortage() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(ApplicationReader, AShortageOfDescriptorsIsNotTheEndOfAnybody) {
  const Shortage shortage;
  for (const pid_t likely : {0, getpid()}) {
    const auto found = find_process(is(getpid()), likely);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message, "/proc: Too many open files");
  }
  EXPECT_EQ(has_tcp_socket([](const SocketView&) { return true; }).error().code, EMFILE);
}

TEST(ApplicationReader, SeesSocketsOfBothFamilies) {
  for (const int family : {AF_INET, AF_INET6}) {
    const UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(listen(fd.get(), 1), 0);  // on a port of the kernel's choice
    struct stat file {};
    ASSERT_EQ(fstat(fd.get(), &file), 0);
    int seen = 0;
    const auto found = has_tcp_socket([&](const SocketView& one) {
      ++seen;
      return one.uid == geteuid() && one.state == TCP_LISTEN && one.inode == file.st_ino;
    });
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_TRUE(*found);
    EXPECT_GE(seen, 1);
    EXPECT_FALSE(*has_tcp_socket([](const SocketView&) { return false; }));
  }
}

TEST(ApplicationReader, SeesAConnectionThatStays) {
  const UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(listen(server.get(), 1), 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(getsockname(server.get(), generic, &size), 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), generic, size), 0);
  struct stat file {};
  ASSERT_EQ(fstat(client.get(), &file), 0);
  EXPECT_TRUE(*has_tcp_socket([&](const SocketView& one) {
    return one.inode == file.st_ino && one.state == TCP_ESTABLISHED;
  }));
}

}  // namespace
}  // namespace weir::server
