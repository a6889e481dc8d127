// SPDX-License-Identifier: Apache-2.0
// Finds values of enumerations that our protos do not know.
#pragma once

#include "proxy/config/parse_context.hpp"

namespace google::protobuf {
class Message;
}

namespace weir::config {

/// Reports every field of `message` that holds such a value. Binary messages only, whose parser
/// takes any number: in texts it is an error already. Does not look into an Any.
void check_enum_values(const google::protobuf::Message& message, const ParseContext& context);

}  // namespace weir::config
