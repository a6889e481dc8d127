// SPDX-License-Identifier: Apache-2.0
// Sets scalar fields of messages from scalars of a document.
#pragma once

#include "proxy/config/conversion_state.hpp"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace weir::config {

/// Sets `field`, or adds to it when it is repeated. `field` is no message. Reports values that do
/// not fit.
void set_scalar(ConversionState& state, const YamlNode& node, google::protobuf::Message& message,
                const google::protobuf::FieldDescriptor& field);

}  // namespace weir::config
