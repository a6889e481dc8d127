// SPDX-License-Identifier: Apache-2.0
// YAML and JSON into protobuf messages, by reflection, in Envoy's lenient dialect.
#pragma once

#include <cstdint>

#include "proxy/config/diagnostics.hpp"
#include "proxy/config/yaml_document.hpp"

namespace google::protobuf {
class Message;
}

namespace weir::config {

/// What a field that our schema does not have is: an error in files that a person wrote (strict), a
/// warning in what a control plane sends (lenient). A wrong value in a known field is an error
/// under both.
enum class Dialect : std::uint8_t { strict, lenient };

/// Fills `message` with what `document` says. Reports every problem, not only the first; `message`
/// is meaningful only when no error was reported.
///
/// The mapping is proto3 JSON with what Envoy's parser also takes, each with a warning at its
/// place: enum names in any case, one value where a list belongs, lists in lists, null in lists,
/// quoted numbers and bools, bare numbers for strings, yes/no for bools, 0x1f and 017 for numbers,
/// a field given twice (the later one counts). An Any whose type we do not know keeps its type URL
/// and no content: who reads the Any decides what that means.
void yaml_to_proto(const YamlDocument& document, Dialect dialect,
                   google::protobuf::Message& message, Diagnostics& diagnostics);

}  // namespace weir::config
