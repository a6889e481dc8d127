// SPDX-License-Identifier: Apache-2.0
// The command line of weirctl.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"
#include "inject/manifest.hpp"

namespace weir::ctl {

enum class Command : std::uint8_t { inject, uninject, wait, drain };

struct WaitOptions {
  Endpoint admin{IpAddress::v4(0x7F000001), kAdminPort};
  std::chrono::milliseconds timeout{60000};
  std::chrono::milliseconds interval{100};
};

struct DrainOptions {
  Endpoint admin{IpAddress::v4(0x7F000001), kAdminPort};
  std::chrono::milliseconds timeout{5000};
};

struct Options {
  Command command = Command::inject;
  std::vector<std::string> files;  // files, directories, "-"
  inject::Output output = inject::Output::as_input;
  inject::InjectOptions inject;
  WaitOptions wait;
  DrainOptions drain;
};

struct CommandLine {
  Options options;
  std::optional<std::string> text;  // to be printed instead: help, version
};

/// Error = wrong usage.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace weir::ctl
