// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/last_good_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/unique_fd.hpp"
#include "proxy/discovery/last_good_format.hpp"

namespace weir::discovery {
namespace {

Error problem(const std::string& path, const std::string& what, int number) {
  return Error{what + " '" + path + "': " + std::strerror(number), number};
}

/// What a stranger has written would become our configuration.
Result<void> check_trusted(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return Error{"'" + path + "': is not a regular file"};
  if (status.st_uid != geteuid() && status.st_uid != 0)
    return Error{"'" + path + "': belongs to user " + std::to_string(status.st_uid) +
                 ", not to the user of this process, " + std::to_string(geteuid())};
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Error{"'" + path + "': others than its owner may write it"};
  if (static_cast<std::size_t>(status.st_size) > kLargestLastGood)
    return Error{"'" + path + "': is larger than " + std::to_string(kLargestLastGood) + " bytes"};
  return {};
}

UniqueFd open_file(const std::string& path, int flags) {
  return UniqueFd(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
}

}  // namespace

LastGoodFile::LastGoodFile(const std::string& directory)
    : directory_(directory),
      path_(directory + "/" + std::string(kName)),
      new_path_(path_ + ".new") {}

Result<std::optional<std::string>> LastGoodFile::read() const {
  const UniqueFd fd = open_file(path_, O_RDONLY);
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd) return problem(path_, "open", errno);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return problem(path_, "stat", errno);
  TRY_VOID(check_trusted(path_, status));
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = ::read(fd.get(), content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return problem(path_, "read", errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  content.resize(size);
  return std::optional(std::move(content));
}

Result<void> LastGoodFile::write_new(std::string_view content) const {
  unlink(new_path_.c_str());  // of a process that was killed
  const UniqueFd fd = open_file(new_path_, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return problem(new_path_, "create", errno);
  while (!content.empty()) {
    const ssize_t count = ::write(fd.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return problem(new_path_, "write", errno);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (fsync(fd.get()) != 0) return problem(new_path_, "fsync", errno);
  return {};
}

Result<void> LastGoodFile::replace(std::string_view content) const {
  if (auto written = write_new(content); !written) {
    unlink(new_path_.c_str());
    return written;
  }
  if (std::rename(new_path_.c_str(), path_.c_str()) != 0) return problem(path_, "rename to", errno);
  // The name is on the disk once its directory is. Where that is not to be had the copy is still
  // good for as long as the machine runs.
  const UniqueFd directory(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) static_cast<void>(fsync(directory.get()));
  return {};
}

Result<void> LastGoodFile::check_writable() const {
  if (access(directory_.c_str(), W_OK | X_OK) != 0) return problem(directory_, "write to", errno);
  return {};
}

}  // namespace weir::discovery
