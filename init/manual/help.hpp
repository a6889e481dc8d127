// SPDX-License-Identifier: Apache-2.0
// --help, for a terminal of 100 columns. Pure.
#pragma once

#include <string>

#include "init/manual/command_page.hpp"

namespace weir::init {

/// Of the whole program: commands and examples first, then every flag by group.
std::string program_help();
/// Of one command: what it does, its examples and the flags that matter most to it.
std::string command_help(const CommandPage& page);

}  // namespace weir::init
