// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

#include "common/json_writer.hpp"
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

constexpr std::string_view kWarning = "warning: ";
constexpr std::size_t kTerminationMessageMax = 4096;

struct Output {
  bool json = false;
  std::string errors;  // the last ones, whole lines
};
Output& output() {
  static Output one;
  return one;
}

void remember_error(const std::string& text) {
  std::string& errors = output().errors;
  errors += "weir-init: " + text.substr(0, kTerminationMessageMax - 16) + "\n";
  while (errors.size() > kTerminationMessageMax) errors.erase(0, errors.find('\n') + 1);
}

std::string now_text() {
  std::timespec now{};
  std::timespec_get(&now, TIME_UTC);
  std::tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + size, text.size() - size, ".%06ldZ", now.tv_nsec / 1000);
  return text.data();
}

std::string json_line(Stream stream, std::string_view text) {
  std::string_view level = stream == Stream::output ? "info" : "error";
  if (text.starts_with(kWarning)) {
    level = "warn";
    text.remove_prefix(kWarning.size());
  }
  std::string line = "{\"level\":\"" + std::string(level) + "\",\"time\":\"" + now_text() +
                     "\",\"scope\":\"weir-init\",\"msg\":\"";
  append_escaped_json(text, line);
  return line + "\"}\n";
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
  const bool warning = text.starts_with(kWarning);
  if (stream == Stream::error && !warning) remember_error(text);
  // Nobody is left to tell when this fails.
  (void)write_all(stream == Stream::output ? STDOUT_FILENO : STDERR_FILENO, "",
                  output().json ? json_line(stream, text) : "weir-init: " + text + "\n");
}

void write_lines_as_json(bool json) { output().json = json; }

int leave_termination_message(const std::string& path, int code) {
  const std::string& errors = output().errors;
  if (code == 0 || path.empty() || errors.empty()) return code;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY));
  if (fd) (void)write_all(fd.get(), path, errors);  // the exit code says it anyway
  return code;
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
