// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/unknown_fields.hpp"

#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

namespace weir::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// The key of an entry of a map, which stands in field 1, or its place in the list.
std::string key_of(const FieldDescriptor& field, const Message& entry, int index) {
  if (!field.is_map()) return std::to_string(index);
  const FieldDescriptor* const key = entry.GetDescriptor()->FindFieldByNumber(1);
  if (key->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return std::to_string(index);
  return entry.GetReflection()->GetString(entry, key);
}

std::optional<std::string> find_in(const Message& message, const std::string& path);

std::optional<std::string> find_in_field(const Message& message, const FieldDescriptor& field,
                                         const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  const std::string name = path.empty() ? field.name() : path + "." + field.name();
  if (!field.is_repeated()) return find_in(reflection.GetMessage(message, &field), name);
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& item = reflection.GetRepeatedMessage(message, &field, i);
    if (auto found = find_in(item, name + "[" + key_of(field, item, i) + "]")) return found;
  }
  return std::nullopt;
}

std::optional<std::string> find_in(const Message& message, const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty())
    return (path.empty() ? "" : path + ": ") + "field " + std::to_string(unknown.field(0).number());
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (auto found = find_in_field(message, *field, path)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_unknown_field(const Message& message) {
  return find_in(message, "");
}

}  // namespace weir::config
