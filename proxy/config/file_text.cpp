// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/file_text.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/unique_fd.hpp"

namespace weir::config {
namespace {

Error failure(const std::string& path) {
  return {"file '" + path + "': " + std::strerror(errno), errno};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t most_bytes, FileKind kind) {
  const bool regular_only = kind == FileKind::regular;
  // O_NONBLOCK: opening a FIFO would wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | (regular_only ? O_NONBLOCK : 0)));
  if (!fd) return failure(path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(path);
  if (regular_only && !S_ISREG(status.st_mode))
    return Error{"file '" + path + "': not a regular file"};
  std::string text;
  for (;;) {
    constexpr std::size_t kStep = 64 * 1024;
    const std::size_t held = text.size();
    text.resize(held + kStep);
    const ssize_t got = ::read(fd.get(), text.data() + held, kStep);
    if (got < 0 && errno != EINTR) return failure(path);
    text.resize(held + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) return text;
    if (text.size() > most_bytes)
      return Error{"file '" + path + "': larger than the limit of " + std::to_string(most_bytes) +
                   " bytes"};
  }
}

}  // namespace weir::config
