// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259) → Node and back. Numbers keep their text, strings their every code point.
#pragma once

#include <string>
#include <string_view>

#include "common/result.hpp"
#include "inject/node.hpp"

namespace weir::inject {

/// At most this many lists and maps within each other, in JSON and in YAML.
inline constexpr std::size_t kDepthMax = 200;
/// At most this many bytes in one file.
inline constexpr std::size_t kTextMax = std::size_t{16} << 20;
/// At most this many values in one document, what aliases stand for included.
inline constexpr std::size_t kNodesMax = 1'000'000;

/// One document. A key that is there twice is an error. Errors read "line 3, column 5: reason".
Result<Node> parse_json(std::string_view text);

/// Indented by two spaces as kubectl prints, with a final newline. Plain scalars of YAML are
/// written as what they mean to Kubernetes' tools. Error for what JSON cannot say (.inf, aliases,
/// tags of one's own, keys that are not scalars).
Result<std::string> write_json(const Node& node);
/// The same in one line without blanks or newline.
Result<std::string> write_compact_json(const Node& node);

}  // namespace weir::inject
