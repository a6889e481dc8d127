// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/enum_values.hpp"

#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace weir::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void check_value(const FieldDescriptor& field, int value, const ParseContext& context) {
  const auto& type = *field.enum_type();
  if (type.FindValueByNumber(value) == nullptr)
    context.error("'" + std::to_string(value) + "': " + type.full_name() + " has no such value");
}

void check_repeated(const Message& message, const FieldDescriptor& field,
                    const ParseContext& context) {
  const Reflection& reflection = *message.GetReflection();
  const bool is_enum = field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const auto item = context.item(field.name(), i);
    if (is_enum)
      check_value(field, reflection.GetRepeatedEnumValue(message, &field, i), item);
    else
      check_enum_values(reflection.GetRepeatedMessage(message, &field, i), item);
  }
}

}  // namespace

void check_enum_values(const Message& message, const ParseContext& context) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_enum = field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
    if (!is_enum && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->is_repeated())
      check_repeated(message, *field, context);
    else if (is_enum)
      check_value(*field, reflection.GetEnumValue(message, field), context.field(field->name()));
    else
      check_enum_values(reflection.GetMessage(message, field), context.field(field->name()));
  }
}

}  // namespace weir::config
