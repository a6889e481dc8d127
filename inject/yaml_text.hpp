// SPDX-License-Identifier: Apache-2.0
// One YAML document → Node and back, through libyaml's events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "inject/node.hpp"

namespace weir::inject {

/// A text with at most one document; without one the result is a plain scalar without text. Lines
/// are counted from `first_line` on. A key that is there twice is an error, as are an alias without
/// its anchor and limits that are exceeded (json_text.hpp). Errors read "line 3, column 5: reason".
Result<Node> parse_yaml(std::string_view text, std::uint32_t first_line = 1);

/// The document without `---`, indented by two spaces. It is read back and compared before it is
/// returned: an Error instead of a text that says something else.
Result<std::string> write_yaml(const Node& node, bool windows_lines = false);

/// Replaces aliases and merge keys (`<<`) by what they stand for. Error when that is too much.
Result<Node> without_aliases(const Node& node);

}  // namespace weir::inject
