// SPDX-License-Identifier: Apache-2.0
// Messages as JSON, as the admin server shows them.
#pragma once

#include <string>

#include "common/result.hpp"

namespace google::protobuf {
class Message;
}

namespace weir::config_dump {

/// Indented, fields by their names in the proto files. Of an Any whose type we do not know only its
/// "@type" is shown, of other messages the fields that we know.
Result<std::string> message_json(const google::protobuf::Message& message);

}  // namespace weir::config_dump
