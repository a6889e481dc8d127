// SPDX-License-Identifier: Apache-2.0
// Reading a whole file into memory, with a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/result.hpp"

namespace weir::config {

/// What may be read: `regular` files never make the reader wait, pipes may.
enum class FileKind : std::uint8_t { regular, any };

/// Content of a file (or of what a link leads to).
/// Error quotes the path, and carries errno when the kernel gave one.
Result<std::string> read_file(const std::string& path, std::size_t most_bytes, FileKind kind);

}  // namespace weir::config
