// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/application_watch.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "proxy/server/application_reader.hpp"

namespace weir::server {
namespace {

using namespace std::chrono_literals;
using Processes = std::vector<ProcessView>;
using Sockets = std::vector<SocketView>;

constexpr pid_t kSelf = 20;
constexpr uid_t kProxy = 1337;
constexpr ApplicationWatch::Clock::time_point kStart(1h);

const Processes kAlone{{1, 65535, 'S'}, {kSelf, kProxy, 'R'}, {31, kProxy, 'S'}};
const Processes kTogether{{1, 65535, 'S'}, {kSelf, kProxy, 'R'}, {30, 0, 'S'}};

TEST(ApplicationWatch, WhoWasNeverThereHasNotEnded) {
  ApplicationWatch watch(kSelf, kProxy);
  EXPECT_FALSE(watch.has_ended(kAlone, kStart));
  EXPECT_FALSE(watch.has_ended(kAlone, kStart + 1h));
}

TEST(ApplicationWatch, GoneForTwoSecondsIsTheEnd) {
  ApplicationWatch watch(kSelf, kProxy);
  EXPECT_FALSE(watch.has_ended(kTogether, kStart));
  EXPECT_FALSE(watch.has_ended(kAlone, kStart + 10s));
  EXPECT_FALSE(watch.has_ended(kAlone, kStart + 11s));
  EXPECT_TRUE(watch.has_ended(kAlone, kStart + 12s));
}

TEST(ApplicationWatch, WhoComesBackGoesOn) {
  ApplicationWatch watch(kSelf, kProxy);
  EXPECT_FALSE(watch.has_ended(kTogether, kStart));
  EXPECT_FALSE(watch.has_ended(kAlone, kStart + 1s));
  EXPECT_FALSE(watch.has_ended(kTogether, kStart + 2s));
  EXPECT_FALSE(watch.has_ended(kAlone, kStart + 4s));
  EXPECT_FALSE(watch.has_ended(kAlone, kStart + 5s));
  EXPECT_TRUE(watch.has_ended(kAlone, kStart + 6s));
}

TEST(ApplicationWatch, WhatHasEndedAndWaitsToBeCollectedIsGone) {
  ApplicationWatch watch(kSelf, kProxy);
  EXPECT_TRUE(watch.runs(kTogether, {}));
  EXPECT_FALSE(watch.runs(Processes{{30, 0, 'Z'}}, {}));
}

TEST(ApplicationWatch, SocketsOfOthersSpeakWhereProcessesAreNotSeen) {
  ApplicationWatch watch(1, kProxy);
  const Processes own{{1, kProxy, 'R'}};
  for (const int state : {TCP_LISTEN, TCP_SYN_SENT, TCP_ESTABLISHED, TCP_CLOSE_WAIT}) {
    const auto value = static_cast<std::uint8_t>(state);
    EXPECT_TRUE(watch.runs(own, Sockets{{0, value, 5}})) << state;
    EXPECT_FALSE(watch.runs(own, Sockets{{kProxy, value, 5}})) << "the proxy's";
    EXPECT_FALSE(watch.runs(own, Sockets{{0, value, 0}})) << "nobody's";
  }
  for (const int state : {TCP_TIME_WAIT, TCP_FIN_WAIT1, TCP_LAST_ACK, TCP_CLOSE})
    EXPECT_FALSE(watch.runs(own, Sockets{{0, static_cast<std::uint8_t>(state), 5}})) << state;
}

TEST(ApplicationWatch, WhereProcessesWereSeenSocketsDoNotMatter) {
  ApplicationWatch watch(kSelf, kProxy);
  EXPECT_TRUE(watch.needs_sockets());
  EXPECT_TRUE(watch.runs(kTogether, {}));
  EXPECT_FALSE(watch.needs_sockets());
  EXPECT_FALSE(watch.runs(kAlone, Sockets{{0, TCP_LISTEN, 5}}));
}

TEST(ApplicationReader, SeesProcessesAndTheirState) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_GT(child, 0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  bool self = false;
  bool ended = false;
  for (const ProcessView& process : read_processes()) {
    if (process.pid == getpid()) self = process.uid == geteuid() && process.state != 'Z';
    if (process.pid == child) ended = process.state == 'Z';
  }
  EXPECT_TRUE(self);
  EXPECT_TRUE(ended);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST(ApplicationReader, SeesSocketsOfBothFamilies) {
  const auto listening = [](int family) {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(listen(fd, 1), 0);  // on a port of the kernel's choice
    return fd;
  };
  const auto count = [] {
    const auto sockets = read_tcp_sockets();
    EXPECT_TRUE(sockets) << sockets.error().message;
    long own = 0;
    for (const SocketView& one : *sockets)
      own += one.uid == geteuid() && one.state == TCP_LISTEN && one.inode != 0;
    return own;
  };
  const auto before = count();
  const int v4 = listening(AF_INET);
  const int v6 = listening(AF_INET6);
  EXPECT_GE(count(), before + 2);
  close(v4);
  close(v6);
}

}  // namespace
}  // namespace weir::server
