// SPDX-License-Identifier: Apache-2.0
// What this process reads from and writes to its surroundings.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"
#include "init/system/exit_code.hpp"

namespace weir::init {

/// Variables and files of this process.
Environment process_environment();

enum class Stream : std::uint8_t { output, error };
/// "weir-init: " and the text, or a line of JSON. An empty text writes nothing.
void write_line(Stream stream, const std::string& text);

/// How lines are written from now on: as text, or as objects with level, time, scope and msg (what
/// istio's --log_as_json means).
void write_lines_as_json(bool json);

/// Puts the last errors (4096 bytes at most, warnings left out) into the file, if the process fails
/// and the file exists: Kubernetes shows it as the reason of the container's end. @return `code`.
/// Source: Kubernetes, pkg/kubelet/container, MaxContainerTerminationMessageLength.
int leave_termination_message(const std::string& path, int code);

/// Writes the error's line. @return the exit code.
int fail(const Error& error, ExitCode code);
/// With the exit code that the error's errno stands for.
int fail(const Error& error);

/// To the file, or to standard output when `path` is empty. Error names the path.
Result<void> write_text(const std::string& path, const std::string& text);

}  // namespace weir::init
