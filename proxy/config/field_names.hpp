// SPDX-License-Identifier: Apache-2.0
// Finding fields and enum values by the names that configuration uses, and saying what is wrong
// when there is none.
#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
class Descriptor;
class EnumDescriptor;
class EnumValueDescriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace weir::config {

/// snake_case or camelCase; nullptr when the schema has no such field.
const google::protobuf::FieldDescriptor* find_field(const google::protobuf::Descriptor& type,
                                                    std::string_view name);

/// "unknown field 'x' of T; did you mean 'y'?", or that Envoy has the field and we do not.
std::string explain_missing_field(const google::protobuf::Descriptor& type, std::string_view name);

/// Exact name, or the name in any case with '-' for '_'; nullptr when there is none.
const google::protobuf::EnumValueDescriptor* find_enum_value(
    const google::protobuf::EnumDescriptor& type, std::string_view name);

/// "'x' is not a value of T: expected A, B or C", or that Envoy has the value and we do not.
std::string explain_missing_enum_value(const google::protobuf::EnumDescriptor& type,
                                       std::string_view name);

}  // namespace weir::config
