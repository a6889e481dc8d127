// SPDX-License-Identifier: Apache-2.0
#include "init/install/namespace_lock.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <thread>

namespace weir::init {

Result<UniqueFd> lock_namespace() {
  constexpr std::string_view kName("\0weir-init", 10);  // a leading NUL makes the name abstract
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(kName.begin(), kName.end(), address.sun_path);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + kName.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error{std::string("lock: ") + std::strerror(errno), errno};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  auto pause = std::chrono::milliseconds(1);
  while (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EADDRINUSE) return Error{std::string("lock: ") + std::strerror(errno), errno};
    if (std::chrono::steady_clock::now() > deadline)
      return Error{"lock: another weir-init has been at work in this namespace for 30 s", EBUSY};
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  return fd;
}

}  // namespace weir::init
