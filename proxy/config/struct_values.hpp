// SPDX-License-Identifier: Apache-2.0
// google.protobuf.Struct, Value and ListValue from whatever a document holds.
#pragma once

#include "proxy/config/conversion_state.hpp"

namespace google::protobuf {
class Message;
}

namespace weir::config {

/// `message` is a Struct, a Value or a ListValue. What a bare word becomes depends on how it looks,
/// as in any YAML.
void convert_struct_type(ConversionState& state, const YamlNode& node,
                         google::protobuf::Message& message);

}  // namespace weir::config
