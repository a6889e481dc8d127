// SPDX-License-Identifier: Apache-2.0
// weirctl: command line → one of its commands.
#include <cstdio>

#include "ctl/commands.hpp"
#include "ctl/options.hpp"

namespace weir::ctl {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

int fail(int code, const std::string& message) {
  std::fprintf(stderr, "weirctl: %s\n", message.c_str());
  return code;
}

int print(const std::string& text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written ? kExitOk : fail(kExitFailure, "standard output: cannot be written");
}

int run(const Options& options) {
  if (options.command == Command::wait) {
    const auto ready = wait_until_ready(options.wait);
    return ready ? kExitOk : fail(kExitFailure, ready.error().message);
  }
  if (options.command == Command::drain) {
    const auto begun = begin_drain(options.drain);
    return begun ? kExitOk : fail(kExitFailure, begun.error().message);
  }
  const auto text = run_inject(options);
  return text ? print(*text) : fail(kExitFailure, text.error().message);
}

}  // namespace
}  // namespace weir::ctl

int main(int argc, char** argv) {
  const auto command_line = weir::ctl::parse_command_line(argc, argv);
  if (!command_line) return weir::ctl::fail(weir::ctl::kExitUsage, command_line.error().message);
  if (command_line->text) return weir::ctl::print(*command_line->text);
  return weir::ctl::run(command_line->options);
}
