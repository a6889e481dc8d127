// SPDX-License-Identifier: Apache-2.0
// The whole command line, whoever's it is: the command, and the raw flags from arguments,
// environment and file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

struct Invocation {
  Command command = Command::install;
  bool command_given = false;  // by a word
  std::string shell;           // completion
  RawFlags flags;
  std::vector<std::string> notes;  // flags of others that have no effect
};

/// @param program argv[0]: `kumactl` and `proxy-init` are understood by name.
/// A file that --config names is not read when the rules are to be removed: nothing must stand in
/// the way of that.
Result<Invocation> read_invocation(std::string_view program, std::span<const char* const> arguments,
                                   const Environment& environment);

}  // namespace weir::init
