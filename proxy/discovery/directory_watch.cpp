// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/directory_watch.hpp"

#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace weir::discovery {
namespace {

// A new entry is complete when it was closed (a file) or made (a link): IN_CREATE comes for both,
// and whoever writes a file makes IN_MODIFY follow.
constexpr std::uint32_t kEvents =
    IN_CLOSE_WRITE | IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR;

}  // namespace

Result<std::unique_ptr<DirectoryWatch>> DirectoryWatch::create(asio::io_context& io,
                                                               OnEvent on_event) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0)
    return Error{
        std::string("inotify: ") + std::strerror(errno) + "; raise fs.inotify.max_user_instances",
        errno};
  std::unique_ptr<DirectoryWatch> watch(new DirectoryWatch(io, fd, std::move(on_event)));
  watch->wait();
  return watch;
}

Result<int> DirectoryWatch::add(const std::string& directory) {
  const int watch = ::inotify_add_watch(descriptor_.native_handle(), directory.c_str(), kEvents);
  if (watch < 0)
    return Error{"directory '" + directory + "': cannot be watched: " + std::strerror(errno),
                 errno};
  return watch;
}

void DirectoryWatch::wait() {
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](const std::error_code& error) {
                           if (error) return;
                           read_events();
                           wait();
                         });
}

void DirectoryWatch::read_events() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::read(descriptor_.native_handle(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      on_event_({event.wd, event.len > 0 ? std::string(name) : std::string(),
                 (event.mask & IN_MODIFY) != 0, (event.mask & IN_MOVED_TO) != 0});
    }
  }
}

}  // namespace weir::discovery
