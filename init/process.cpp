// SPDX-License-Identifier: Apache-2.0
#include "init/process.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/unique_fd.hpp"

namespace weir::init {
namespace {

Error file_error(const std::string& path, int code) {
  return Error{"file '" + path + "': " + std::strerror(code), code};
}

Result<void> write_all(int fd, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// "-" is standard input.
Result<std::string> read_file(const std::string& path) {
  const UniqueFd fd(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error(path, errno);
  std::string text;
  for (;;) {
    constexpr std::size_t kChunk = 65536;
    const std::size_t size = text.size();
    text.resize(size + kChunk);
    const ssize_t got = ::read(fd.get(), text.data() + size, kChunk);
    text.resize(size + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, errno);
    if (got == 0) return text;
  }
}

}  // namespace

Environment process_environment() {
  return Environment{[](const std::string& name) -> std::optional<std::string> {
                       const char* value = std::getenv(name.c_str());
                       if (value == nullptr) return std::nullopt;
                       return value;
                     },
                     read_file};
}

void write_line(Stream stream, const std::string& text) {
  if (text.empty()) return;
  // Nobody is left to tell when this fails.
  (void)write_all(stream == Stream::output ? STDOUT_FILENO : STDERR_FILENO, "",
                  "weir-init: " + text + "\n");
}

int fail(const Error& error, ExitCode code) {
  write_line(Stream::error, error.message);
  return static_cast<int>(code);
}

int fail(const Error& error) { return fail(error, exit_code_of(error.code)); }

Result<void> write_text(const std::string& path, const std::string& text) {
  if (path.empty()) return write_all(STDOUT_FILENO, "standard output", text);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return file_error(path, errno);
  return write_all(fd.get(), path, text);
}

}  // namespace weir::init
