// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/struct_values.hpp"

#include <cmath>

#include <google/protobuf/struct.pb.h>

#include "proxy/config/scalar_values.hpp"

namespace weir::config {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;
using Step = ConversionState::Step;
using Visit = ConversionState::Visit;

void convert_value(ConversionState& state, const YamlNode& node, Value& value);

void convert_struct(ConversionState& state, const YamlNode& node, Struct& object) {
  if (!node.is_object())
    return state.error(node, "expected an object, got " + std::string(kind_of(node)));
  for (const auto& [key_node, value_node] : node.entries) {
    if (state.stopped()) return;
    if (!key_node->is_scalar() || !is_valid_utf8(key_node->text)) {
      state.error(*key_node, "expected a key of valid UTF-8");
      continue;
    }
    const std::string& key = key_node->text;
    const Step step(state, key);
    Value& value = (*object.mutable_fields())[key];
    if (value.kind_case() != Value::KIND_NOT_SET)
      state.warning(*key_node, "key " + quote(key) + " is given twice; the later one is used");
    value.Clear();
    convert_value(state, *value_node, value);
  }
}

void convert_list(ConversionState& state, const YamlNode& node, ListValue& list) {
  if (!node.is_list())
    return state.error(node, "expected a list, got " + std::string(kind_of(node)));
  for (const YamlNode* item : node.items) {
    if (state.stopped()) return;
    convert_value(state, *item, *list.add_values());
  }
}

void convert_word(ConversionState& state, const YamlNode& node, Value& value) {
  const std::string& text = node.text;
  const bool bare = !node.quoted;
  if (const auto truth = parse_bool(text, false); bare && truth) {
    value.set_bool_value(truth->value);
    state.remark(node, truth->remark);
  } else if (const auto integer = parse_signed(text, false); bare && integer) {
    value.set_number_value(static_cast<double>(integer->value));
    state.remark(node, integer->remark);
  } else if (const auto number = parse_double(text); bare && number && std::isfinite(*number)) {
    value.set_number_value(*number);
  } else if (is_valid_utf8(text)) {
    value.set_string_value(text);
  } else {
    state.error(node, "text is not valid UTF-8");
  }
}

void convert_value(ConversionState& state, const YamlNode& node, Value& value) {
  const Visit visit(state, node);
  if (!visit) return;
  if (node.is_null())
    value.set_null_value(google::protobuf::NULL_VALUE);
  else if (node.is_object())
    convert_struct(state, node, *value.mutable_struct_value());
  else if (node.is_list())
    convert_list(state, node, *value.mutable_list_value());
  else
    convert_word(state, node, value);
}

}  // namespace

void convert_struct_type(ConversionState& state, const YamlNode& node,
                         google::protobuf::Message& message) {
  const std::string& name = message.GetDescriptor()->full_name();
  if (name == "google.protobuf.Value")
    convert_value(state, node, static_cast<Value&>(message));
  else if (name == "google.protobuf.Struct")
    convert_struct(state, node, static_cast<Struct&>(message));
  else
    convert_list(state, node, static_cast<ListValue&>(message));
}

}  // namespace weir::config
