// SPDX-License-Identifier: Apache-2.0
// google.protobuf.Struct and Value as JSON text: how structured metadata is kept.
#pragma once

#include <string>

namespace google::protobuf {
class Struct;
class Value;
}  // namespace google::protobuf

namespace weir::config {

// Appends compact JSON, the keys of objects in order, so that the same value gives the same text.
void append_json(const google::protobuf::Value& value, std::string& out);
void append_json(const google::protobuf::Struct& object, std::string& out);

}  // namespace weir::config
