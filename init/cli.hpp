// SPDX-License-Identifier: Apache-2.0
// Flags and environment → Options. The only place that knows what they mean.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/command_line.hpp"
#include "init/redirect_config.hpp"

namespace weir::init {

struct Options {
  RedirectConfig config;
  bool help = false;
  bool version = false;
  bool dry_run = false;
  std::string dry_run_file;  // empty = standard output
  bool cleanup_only = false;
  bool skip_rule_apply = false;
  std::vector<std::string> warnings;
  bool operator==(const Options&) const = default;
};

/// Every error is one of usage: it names the flag or variable and quotes the value.
Result<Options> parse_options(std::span<const char* const> arguments,
                              const Environment& environment);

std::string help_text();

}  // namespace weir::init
