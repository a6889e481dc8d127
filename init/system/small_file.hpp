// SPDX-License-Identifier: Apache-2.0
// Files of /proc, read without iostreams: those would make the program a third of a megabyte
// larger.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::init {

/// The whole file; absent when it cannot be opened or read.
std::optional<std::string> read_small_file(const std::string& path);

/// Without their ends; an end at the very end begins no line. Pure.
std::vector<std::string> lines_of(std::string_view text);

/// What blanks separate. Pure.
std::vector<std::string> fields_of(std::string_view text);

}  // namespace weir::init
