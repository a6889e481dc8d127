// SPDX-License-Identifier: Apache-2.0
#include "init/install/confirmation.hpp"

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <poll.h>
#include <unistd.h>

namespace weir::init {
namespace {

constexpr std::string_view kName("\0weir-init-confirm", 18);
constexpr char kYes = 'y';

socklen_t set_address(sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  std::copy(kName.begin(), kName.end(), address.sun_path);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + kName.size());
}

Error failed(int code) { return Error{std::string("confirmation: ") + std::strerror(code), code}; }

// Whoever may not install may not confirm either.
bool may_confirm(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

bool is_confirmed(const UniqueFd& socket) {
  const UniqueFd peer(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer || !may_confirm(peer.get())) return false;
  return send(peer.get(), &kYes, 1, MSG_NOSIGNAL) == 1;
}

// A whole line, so that a key pressed by chance does not count. End of input: no more looking.
bool entered(bool& look_at_terminal) {
  char line[256];
  const ssize_t got = read(STDIN_FILENO, line, sizeof line);
  if (got <= 0) look_at_terminal = false;
  return got > 0 && std::find(line, line + got, '\n') != line + got;
}

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Result<UniqueFd> open_confirmation() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return failed(errno);
  sockaddr_un address{};
  const socklen_t length = set_address(address);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno == EADDRINUSE)
      return Error{"--confirm: another installation of this namespace waits for its confirmation",
                   EBUSY};
    return failed(errno);
  }
  if (listen(fd.get(), 4) != 0) return failed(errno);
  // From here on no signal ends the process halfway: they are read where the answer is waited for.
  const sigset_t set = end_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  return fd;
}

Confirmation wait_for_confirmation(const UniqueFd& socket, std::chrono::milliseconds time) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + time;
  const sigset_t set = end_signals();
  const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC));
  bool look_at_terminal = isatty(STDIN_FILENO) == 1;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return Confirmation::timed_out;
    pollfd files[] = {{socket.get(), POLLIN, 0},
                      {signals.get(), POLLIN, 0},
                      {look_at_terminal ? STDIN_FILENO : -1, POLLIN, 0}};
    if (poll(files, 3, static_cast<int>(std::min<long long>(left.count(), 60'000))) < 0) continue;
    if (files[0].revents != 0 && is_confirmed(socket)) return Confirmation::confirmed;
    if (files[1].revents != 0) return Confirmation::ended;
    if (files[2].revents != 0 && entered(look_at_terminal)) return Confirmation::confirmed;
  }
}

Result<void> send_confirmation() {
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return failed(errno);
  sockaddr_un address{};
  const socklen_t length = set_address(address);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return Error{
        "confirm: no installation of this network namespace waits for a confirmation; it "
        "may have been taken back already",
        ESRCH};
  char answer = 0;
  if (recv(fd.get(), &answer, 1, 0) != 1 || answer != kYes)
    return Error{"confirm: not accepted; only root and the user that installed may confirm", EPERM};
  return {};
}

}  // namespace weir::init
