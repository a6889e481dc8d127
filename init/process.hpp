// SPDX-License-Identifier: Apache-2.0
// What this process reads from and writes to its surroundings.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.hpp"
#include "init/command_line.hpp"
#include "init/exit_code.hpp"

namespace weir::init {

/// Variables and files of this process.
Environment process_environment();

enum class Stream : std::uint8_t { output, error };
/// "weir-init: " and the text. An empty text writes nothing.
void write_line(Stream stream, const std::string& text);

/// Writes the error's line. @return the exit code.
int fail(const Error& error, ExitCode code);
/// With the exit code that the error's errno stands for.
int fail(const Error& error);

/// To the file, or to standard output when `path` is empty. Error names the path.
Result<void> write_text(const std::string& path, const std::string& text);

}  // namespace weir::init
