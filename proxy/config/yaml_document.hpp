// SPDX-License-Identifier: Apache-2.0
// YamlDocument: one YAML or JSON text as a tree, with its limits checked. The only place that runs
// yaml-cpp's parser.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <yaml-cpp/node/node.h>

#include "proxy/config/diagnostics.hpp"

namespace weir::config {

/// Largest text that is parsed, in bytes.
inline constexpr std::size_t kLargestDocument = 64u * 1024 * 1024;

struct YamlDocument {
  std::string file;
  YAML::Node root;  // never undefined
  /// How many values a reader may visit. Every value that is written takes a byte, so only aliases
  /// exceed this.
  std::size_t most_values = 0;
};

/// Parses the first document of `text`; JSON is recognised by its first character. Never throws.
/// @param file how diagnostics name the text.
/// @return nullopt after reporting an error (syntax with its place, size, nesting, no content).
std::optional<YamlDocument> parse_document(std::string file, std::string_view text,
                                           Diagnostics& diagnostics);

}  // namespace weir::config
