// SPDX-License-Identifier: Apache-2.0
// The command line of weir-control.
#pragma once

#include <optional>
#include <string>

#include "common/ip.hpp"
#include "common/log.hpp"
#include "common/result.hpp"
#include "control/fetch_client.hpp"
#include "control/webhook_options.hpp"

namespace weir::control {

enum class Command : std::uint8_t { serve, check, status, fetch };

struct Options {
  Command command = Command::serve;
  std::string directory;  // "" = only the webhook
  std::string listen = "127.0.0.1:15010";
  Endpoint admin{IpAddress::v4(0x7F000001), 15014};
  log::Level log_level = log::Level::info;
  std::optional<WebhookOptions> webhook;
  unsigned drain_s = 0;  // from SIGTERM until nothing more is accepted
  FetchOptions fetch;
};

struct CommandLine {
  Options options;
  std::optional<std::string> text;  // to be printed instead: help, version
};

/// Error = wrong usage.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace weir::control
