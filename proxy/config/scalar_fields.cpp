// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/scalar_fields.hpp"

#include <limits>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proxy/config/field_names.hpp"
#include "proxy/config/scalar_values.hpp"

namespace weir::config {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// The field that is being set, and what it is being set from.
struct Target {
  ConversionState& state;
  const YamlNode& node;
  Message& message;
  const FieldDescriptor& field;

  /// Calls the setter of a single field, or the adder of a repeated one.
  template <class Value>
  void put(void (Reflection::*set)(Message*, const FieldDescriptor*, Value) const,
           void (Reflection::*add)(Message*, const FieldDescriptor*, Value) const,
           Value value) const {
    const Reflection& reflection = *message.GetReflection();
    (reflection.*(field.is_repeated() ? add : set))(&message, &field, std::move(value));
  }
};

std::string_view expected_text(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "the name of a value";
    default:
      return "a number";
  }
}

void wrong_value(const Target& at) {
  at.state.error(at.node,
                 quote(at.node.text) + ": expected " + std::string(expected_text(at.field)));
}

void out_of_range(const Target& at) {
  at.state.error(at.node, quote(at.node.text) + ": out of range");
}

void remark_quoted(const Target& at) {
  if (at.node.quoted) at.state.remark(at.node, "write the number without quotes");
}

void set_bytes(const Target& at) {
  auto bytes = parse_base64(at.node.text);
  if (!bytes) return at.state.error(at.node, quote(at.node.text) + ": expected base64");
  at.put(&Reflection::SetString, &Reflection::AddString, std::move(*bytes));
}

void set_string(const Target& at) {
  const std::string& text = at.node.text;
  if (!is_valid_utf8(text)) return at.state.error(at.node, "text is not valid UTF-8");
  if (!at.node.quoted && (parse_bool(text, false) || parse_signed(text, false)))
    at.state.warning(at.node, quote(text) + " where text belongs; write it in quotes");
  at.put(&Reflection::SetString, &Reflection::AddString, text);
}

void set_bool(const Target& at) {
  const auto parsed = parse_bool(at.node.text, at.node.quoted);
  if (!parsed) return wrong_value(at);
  at.state.remark(at.node, parsed->remark);
  at.put(&Reflection::SetBool, &Reflection::AddBool, parsed->value);
}

/// By number, which proto3 JSON allows too; only numbers that have a name.
const EnumValueDescriptor* enum_value_by_number(const FieldDescriptor& field, std::int64_t number) {
  if (number != static_cast<int>(number)) return nullptr;
  return field.enum_type()->FindValueByNumber(static_cast<int>(number));
}

void set_enum(const Target& at) {
  const std::string& text = at.node.text;
  const auto number = parse_signed(text, true);
  const EnumValueDescriptor* value = number ? enum_value_by_number(at.field, number->value)
                                            : find_enum_value(*at.field.enum_type(), text);
  if (value == nullptr)
    return at.state.error(at.node, explain_missing_enum_value(*at.field.enum_type(), text));
  if (!number && value->name() != text)
    at.state.remark(at.node, "read as " + value->name() + "; write it so");
  at.put(&Reflection::SetEnum, &Reflection::AddEnum, value);
}

void set_floating(const Target& at) {
  const auto value = parse_double(at.node.text);
  if (!value) return wrong_value(at);
  remark_quoted(at);
  if (at.field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE)
    at.put(&Reflection::SetDouble, &Reflection::AddDouble, *value);
  else
    at.put(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(*value));
}

void set_signed(const Target& at) {
  const auto parsed = parse_signed(at.node.text, at.node.quoted);
  if (!parsed) return wrong_value(at);
  const bool narrow = at.field.cpp_type() == FieldDescriptor::CPPTYPE_INT32;
  const auto value = static_cast<std::int32_t>(parsed->value);
  if (narrow && value != parsed->value) return out_of_range(at);
  at.state.remark(at.node, parsed->remark);
  remark_quoted(at);
  if (narrow)
    at.put(&Reflection::SetInt32, &Reflection::AddInt32, value);
  else
    at.put(&Reflection::SetInt64, &Reflection::AddInt64, parsed->value);
}

void set_unsigned(const Target& at) {
  const auto parsed = parse_unsigned(at.node.text, at.node.quoted);
  if (!parsed) return parse_signed(at.node.text, true) ? out_of_range(at) : wrong_value(at);
  const bool narrow = at.field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
  const auto value = static_cast<std::uint32_t>(parsed->value);
  if (narrow && value != parsed->value) return out_of_range(at);
  at.state.remark(at.node, parsed->remark);
  remark_quoted(at);
  if (narrow)
    at.put(&Reflection::SetUInt32, &Reflection::AddUInt32, value);
  else
    at.put(&Reflection::SetUInt64, &Reflection::AddUInt64, parsed->value);
}

}  // namespace

void set_scalar(ConversionState& state, const YamlNode& node, Message& message,
                const FieldDescriptor& field) {
  if (!node.is_scalar())
    return state.error(node, "expected " + std::string(expected_text(field)) + ", got " +
                                 std::string(kind_of(node)));
  const Target target{state, node, message, field};
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? set_bytes(target) : set_string(target);
    case FieldDescriptor::CPPTYPE_BOOL:
      return set_bool(target);
    case FieldDescriptor::CPPTYPE_ENUM:
      return set_enum(target);
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return set_floating(target);
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return set_signed(target);
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return set_unsigned(target);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
}

}  // namespace weir::config
