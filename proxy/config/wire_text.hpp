// SPDX-License-Identifier: Apache-2.0
// A message in its binary form, always in the same one.
#pragma once

#include <string>

namespace google::protobuf {
class Message;
}

namespace weir::config {

/// Equal messages have equal bytes: maps are written in the order of their keys.
std::string wire_text(const google::protobuf::Message& message);

}  // namespace weir::config
