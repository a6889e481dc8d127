// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/yaml_to_proto.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proxy/config/conversion_state.hpp"
#include "proxy/config/field_names.hpp"
#include "proxy/config/scalar_fields.hpp"
#include "proxy/config/scalar_values.hpp"
#include "proxy/config/struct_values.hpp"
#include "proxy/config/wire_text.hpp"

namespace weir::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

constexpr std::string_view kTypeKey = "@type";

/// How a message type is written in JSON.
enum class Form { object, duration, wrapper, any, structure };

Form form_of(const Descriptor& type) {
  const std::string& file = type.file()->name();
  if (file == "google/protobuf/duration.proto") return Form::duration;
  if (file == "google/protobuf/wrappers.proto") return Form::wrapper;
  if (file == "google/protobuf/any.proto") return Form::any;
  if (file == "google/protobuf/struct.proto") return Form::structure;
  return Form::object;
}

/// Calls itself for each message and each list in a document; ConversionState bounds the recursion.
class Converter {
 public:
  Converter(const YamlDocument& document, Dialect dialect, Diagnostics& diagnostics)
      : state_(document, diagnostics), dialect_(dialect) {}

  void convert_message(const YamlNode& node, Message& message) {
    const Visit visit(state_, node);
    if (!visit) return;
    const Descriptor& type = *message.GetDescriptor();
    switch (form_of(type)) {
      case Form::duration:
        return convert_duration(node, message);
      case Form::wrapper:
        return set_scalar(state_, node, message, *type.field(0));
      case Form::any:
        return convert_any(node, message);
      case Form::structure:
        return convert_struct_type(state_, node, message);
      case Form::object:
        break;
    }
    if (node.is_object()) return convert_fields(node, message);
    state_.error(node, "expected an object with the fields of " + type.full_name() + ", got " +
                           std::string(kind_of(node)));
  }

 private:
  using Step = ConversionState::Step;
  using Visit = ConversionState::Visit;

  void convert_fields(const YamlNode& node, Message& message) {
    std::vector<const FieldDescriptor*> seen;
    for (const auto& [key, value] : node.entries) {
      if (state_.stopped()) return;
      if (!key->is_scalar())
        state_.error(*key, "expected a field name, got " + std::string(kind_of(*key)));
      else if (key->text != kTypeKey)  // which belongs to the Any that holds this message
        convert_field(*key, *value, message, seen);
    }
  }

  void convert_field(const YamlNode& key, const YamlNode& value, Message& message,
                     std::vector<const FieldDescriptor*>& seen) {
    const Descriptor& type = *message.GetDescriptor();
    const FieldDescriptor* field = find_field(type, key.text);
    const Step step(state_, field != nullptr ? field->name() : key.text);
    if (field == nullptr) {
      const Severity severity = dialect_ == Dialect::strict ? Severity::error : Severity::warning;
      return state_.report(severity, key, explain_missing_field(type, key.text));
    }
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      state_.warning(key, "field '" + field->name() + "' is given twice; the later one is used");
      message.GetReflection()->ClearField(&message, field);
    }
    seen.push_back(field);
    if (value.is_null() || !check_oneof(key, message, *field)) return;
    if (field->is_map())
      convert_map(value, message, *field);
    else if (field->is_repeated())
      convert_list(value, message, *field);
    else
      convert_single(value, message, *field);
  }

  bool check_oneof(const YamlNode& key, const Message& message, const FieldDescriptor& field) {
    const auto* oneof = field.real_containing_oneof();
    if (oneof == nullptr) return true;
    const FieldDescriptor* other = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
    if (other == nullptr) return true;
    state_.error(key, "'" + field.name() + "' and '" + other->name() + "' exclude each other");
    return false;
  }

  void convert_single(const YamlNode& node, Message& message, const FieldDescriptor& field) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      convert_message(node, *message.GetReflection()->MutableMessage(&message, &field));
    else
      set_scalar(state_, node, message, field);
  }

  void convert_list(const YamlNode& node, Message& message, const FieldDescriptor& field) {
    int index = 0;
    if (node.is_list()) return convert_items(node, message, field, index);
    state_.warning(node, "one value where a list belongs; write it as a list");
    const Step step(state_, index);
    add_item(node, message, field);
  }

  void convert_items(const YamlNode& list, Message& message, const FieldDescriptor& field,
                     int& index) {
    const Visit visit(state_, list);
    if (!visit) return;
    for (const YamlNode* item : list.items) {
      if (state_.stopped()) return;
      const Step step(state_, index);
      if (item->is_null()) {
        state_.warning(*item, "null in a list is skipped");
      } else if (item->is_list()) {
        state_.warning(*item, "a list in a list is flattened");
        convert_items(*item, message, field, index);
      } else {
        add_item(*item, message, field);
        ++index;
      }
    }
  }

  void add_item(const YamlNode& node, Message& message, const FieldDescriptor& field) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      convert_message(node, *message.GetReflection()->AddMessage(&message, &field));
    else
      set_scalar(state_, node, message, field);
  }

  void convert_map(const YamlNode& node, Message& message, const FieldDescriptor& field) {
    if (!node.is_object())
      return state_.error(node, "expected an object, got " + std::string(kind_of(node)));
    for (const auto& [key, value] : node.entries) {
      if (state_.stopped()) return;
      if (!key->is_scalar()) {
        state_.error(*key, "expected a key, got " + std::string(kind_of(*key)));
        continue;
      }
      const Step step(state_, key->text);
      Message& item = *message.GetReflection()->AddMessage(&message, &field);
      set_scalar(state_, *key, item, *field.message_type()->map_key());
      if (!value->is_null()) convert_single(*value, item, *field.message_type()->map_value());
    }
  }

  void convert_duration(const YamlNode& node, Message& message) {
    const auto parts = node.is_scalar() ? parse_duration(node.text) : std::nullopt;
    if (!parts) {
      const std::string given = node.is_scalar() ? quote(node.text) : std::string(kind_of(node));
      return state_.error(node,
                          given + " is not a duration; write seconds with an 's', like '0.25s'");
    }
    const Descriptor& type = *message.GetDescriptor();
    message.GetReflection()->SetInt64(&message, type.FindFieldByName("seconds"), parts->seconds);
    message.GetReflection()->SetInt32(&message, type.FindFieldByName("nanos"), parts->nanos);
  }

  void convert_any(const YamlNode& node, Message& message) {
    auto& any = static_cast<google::protobuf::Any&>(message);
    if (!node.is_object())
      return state_.error(node,
                          "expected an object with '@type', got " + std::string(kind_of(node)));
    const YamlNode* type_node = find_type(node);
    if (type_node == nullptr || !type_node->is_scalar()) {
      if (!node.entries.empty())
        state_.error(node, "has no '@type'; name the type of this configuration");
      return;
    }
    const std::string& url = type_node->text;
    const std::size_t slash = url.rfind('/');
    if (slash == std::string::npos || !is_valid_utf8(url))
      return state_.error(*type_node, "type URL " + quote(url) +
                                          ": expected 'type.googleapis.com/' and a message type");
    any.set_type_url(url);
    const Descriptor* type =
        DescriptorPool::generated_pool()->FindMessageTypeByName(url.substr(slash + 1));
    if (type == nullptr) return;
    const std::unique_ptr<Message> content(
        MessageFactory::generated_factory()->GetPrototype(type)->New());
    convert_any_content(node, *content);
    any.set_value(wire_text(*content));
  }

  /// A type that is not written as an object of its fields stands under "value".
  void convert_any_content(const YamlNode& node, Message& content) {
    if (form_of(*content.GetDescriptor()) == Form::object) return convert_message(node, content);
    for (const auto& [key, value] : node.entries) {
      if (!key->is_scalar() || key->text != "value") continue;
      const Step step(state_, "value");
      convert_message(*value, content);
    }
  }

  static const YamlNode* find_type(const YamlNode& node) {
    for (const auto& [key, value] : node.entries)
      if (key->is_scalar() && key->text == kTypeKey) return value;
    return nullptr;
  }

  ConversionState state_;
  const Dialect dialect_;
};

}  // namespace

void yaml_to_proto(const YamlDocument& document, Dialect dialect, Message& message,
                   Diagnostics& diagnostics) {
  Converter(document, dialect, diagnostics).convert_message(*document.root, message);
}

}  // namespace weir::config
