// SPDX-License-Identifier: Apache-2.0
#include "control/directory_watch.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

namespace weir::control {
namespace {

using Clock = std::chrono::steady_clock;

/// Editors and copies make several events: wait until this long after the last one, …
constexpr std::chrono::milliseconds kQuiet{50};
/// … but not longer than this after the first.
constexpr std::chrono::milliseconds kLongest{500};
constexpr std::chrono::seconds kLookAgain{5};

constexpr std::uint32_t kFileEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO |
                                      IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;
constexpr std::uint32_t kParentEvents = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;

class InotifyWatch final : public DirectoryWatch {
 public:
  InotifyWatch(asio::io_context& io, int fd, const std::string& path, Callback callback)
      : descriptor_(io, fd),
        debounce_(io),
        look_again_(io),
        path_(std::filesystem::absolute(path).lexically_normal()),
        callback_(std::move(callback)) {
    if (path_.filename().empty()) path_ = path_.parent_path();
  }

  Result<void> begin() {
    files_ = add(path_, kFileEvents);
    if (files_ < 0)
      return Error{"directory '" + path_.string() + "': cannot be watched: " + std::strerror(errno),
                   errno};
    // Tells when the directory itself is replaced; without the right to look there, nothing does.
    parent_ = add(path_.parent_path(), kParentEvents);
    read();
    wait_to_look_again();
    return {};
  }

 private:
  int add(const std::filesystem::path& path, std::uint32_t events) {
    return inotify_add_watch(descriptor_.native_handle(), path.c_str(), events);
  }

  void read() {
    descriptor_.async_read_some(asio::buffer(buffer_),
                                [this](std::error_code error, std::size_t size) {
                                  if (error) return;
                                  take(size);
                                  read();
                                });
  }

  void take(std::size_t size) {
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event event;
      std::memcpy(&event, buffer_.data() + at, sizeof event);
      const char* name = event.len > 0 ? buffer_.data() + at + sizeof event : "";
      at += sizeof event + event.len;
      take_event(event, name);
    }
  }

  void take_event(const inotify_event& event, const std::string& name) {
    if (event.wd == parent_ && event.wd != files_ && name != path_.filename()) return;
    if (event.wd == parent_ && name == path_.filename()) replace();
    if (event.wd == files_ || (event.mask & IN_Q_OVERFLOW) != 0) note_writing(event.mask, name);
    schedule();
  }

  void note_writing(std::uint32_t mask, const std::string& name) {
    if ((mask & IN_Q_OVERFLOW) != 0)
      being_written_.clear();  // who closed what was lost
    else if ((mask & IN_MODIFY) != 0)
      being_written_.insert(name);
    else if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0)
      being_written_.erase(name);
  }

  /// The name leads to another directory now.
  void replace() {
    const int now = add(path_, kFileEvents);
    if (now < 0 || now == files_) return;
    inotify_rm_watch(descriptor_.native_handle(), files_);
    files_ = now;
    being_written_.clear();
  }

  void schedule() {
    const auto now = Clock::now();
    if (!first_event_) first_event_ = now;
    debounce_.expires_at(std::min(now + kQuiet, *first_event_ + kLongest));
    debounce_.async_wait([this](std::error_code error) {
      if (!error) call_back();
    });
  }

  void call_back() {
    first_event_.reset();
    callback_(being_written_);
  }

  void wait_to_look_again() {
    look_again_.expires_after(kLookAgain);
    look_again_.async_wait([this](std::error_code error) {
      if (error) return;
      replace();
      callback_(being_written_);
      wait_to_look_again();
    });
  }

  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer debounce_;
  asio::steady_timer look_again_;
  std::filesystem::path path_;
  const Callback callback_;
  int files_ = -1;
  int parent_ = -1;
  std::set<std::string> being_written_;
  std::optional<Clock::time_point> first_event_;
  std::array<char, 16384> buffer_;
};

}  // namespace

Result<std::unique_ptr<DirectoryWatch>> DirectoryWatch::start(asio::io_context& io,
                                                              const std::string& path,
                                                              Callback callback) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0)
    return Error{"directory '" + path + "': inotify: " + std::strerror(errno) +
                     "; is fs.inotify.max_user_instances reached?",
                 errno};
  auto watch = std::make_unique<InotifyWatch>(io, fd, path, std::move(callback));
  TRY_VOID(watch->begin());
  return std::unique_ptr<DirectoryWatch>(std::move(watch));
}

}  // namespace weir::control
