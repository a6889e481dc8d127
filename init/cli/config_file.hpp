// SPDX-License-Identifier: Apache-2.0
// --config: a YAML or JSON file of flags by their names.
#pragma once

#include <string>
#include <string_view>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"
#include "init/cli/config_document.hpp"

namespace weir::init {

/// Reads and parses the file that a flag or variable names; "-" is standard input. Errors name the
/// flag or the file and line.
Result<ConfigNode> read_config_document(const RawValue& path, const Environment& environment);

/// "weir.yaml" or "standard input".
std::string config_name(std::string_view path);

/// The text of a scalar, or of a list of scalars with `separator` between them. `where` begins the
/// error.
Result<std::string> flat_text(const ConfigNode& node, std::string_view where,
                              std::string_view separator);

/// Puts the file's values where `flags` has none. Keys are long names of flags, or environment
/// variables for what has no flag; values are scalars, or lists for flags that take one. A key that
/// is not known is an error with its line and the nearest name.
Result<void> add_config_file(const RawValue& path, const Environment& environment, RawFlags& flags);

}  // namespace weir::init
