// SPDX-License-Identifier: Apache-2.0
// Finds what a message holds that our protos do not know.
#pragma once

#include <optional>
#include <string>

namespace google::protobuf {
class Message;
}

namespace weir::config {

/// The path of the first message in `message` that holds a field with a number that we do not know,
/// with that number: "rules.policies[admin].permissions[0]: field 17". nullopt: there is none.
/// For what must not be understood in part. Binary messages only: text names its fields.
std::optional<std::string> find_unknown_field(const google::protobuf::Message& message);

}  // namespace weir::config
