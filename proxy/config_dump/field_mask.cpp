// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_dump/field_mask.hpp"

#include <map>
#include <memory>
#include <string>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/field_mask_util.h>

namespace weir::config_dump {
namespace {

using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::util::FieldMaskUtil;

const FieldDescriptor* find_any(const Message& message, const std::string& name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() || field->message_type() != Any::descriptor())
    return nullptr;
  return field;
}

std::unique_ptr<Message> unpack(const Any& any) {
  const std::string& url = any.type_url();
  const auto* const type =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
          url.substr(url.rfind('/') + 1));
  if (type == nullptr) return nullptr;
  std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!message->ParseFromString(any.value())) return nullptr;
  return message;
}

bool apply_inside(const FieldMask& mask, const FieldDescriptor& field, Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.HasField(message, &field)) return true;
  auto& any = static_cast<Any&>(*reflection.MutableMessage(&message, &field));
  const auto inner = unpack(any);
  if (inner == nullptr || !apply_mask(mask, *inner)) return false;
  any.set_value(inner->SerializeAsString());
  return true;
}

}  // namespace

FieldMask field_mask_of(std::string_view text) {
  FieldMask mask;
  FieldMaskUtil::FromString(std::string(text), &mask);
  return mask;
}

bool apply_mask(const FieldMask& mask, Message& message) {
  for (const std::string& path : mask.paths())
    if (!FieldMaskUtil::GetFieldDescriptors(message.GetDescriptor(), path, nullptr)) return false;
  FieldMaskUtil::TrimMessage(mask, &message);
  return true;
}

bool apply_resource_mask(const FieldMask& mask, Message& message) {
  FieldMask outer;
  std::map<const FieldDescriptor*, FieldMask> inner;
  for (const std::string& path : mask.paths()) {
    const std::size_t dot = path.find('.');
    const FieldDescriptor* const any = find_any(message, path.substr(0, dot));
    outer.add_paths(any != nullptr ? any->name() : path);
    if (any != nullptr && dot != std::string::npos) inner[any].add_paths(path.substr(dot + 1));
  }
  for (const auto& [field, fields] : inner)
    if (!apply_inside(fields, *field, message)) return false;
  return apply_mask(outer, message);
}

}  // namespace weir::config_dump
