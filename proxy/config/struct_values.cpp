// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/struct_values.hpp"

#include <cmath>

#include <google/protobuf/struct.pb.h>
#include <yaml-cpp/yaml.h>

#include "proxy/config/scalar_values.hpp"

namespace weir::config {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;
using Step = ConversionState::Step;
using Visit = ConversionState::Visit;

void convert_value(ConversionState& state, const YAML::Node& node, Value& value);

void convert_struct(ConversionState& state, const YAML::Node& node, Struct& object) {
  if (!node.IsMap())
    return state.error(node, "expected an object, got " + std::string(kind_of(node)));
  for (const auto& entry : node) {
    if (state.stopped()) return;
    if (!entry.first.IsScalar() || !is_valid_utf8(entry.first.Scalar())) {
      state.error(entry.first, "expected a key of valid UTF-8");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    const Step step(state, key);
    Value& value = (*object.mutable_fields())[key];
    if (value.kind_case() != Value::KIND_NOT_SET)
      state.warning(entry.first, "key " + quote(key) + " is given twice; the later one is used");
    value.Clear();
    convert_value(state, entry.second, value);
  }
}

void convert_list(ConversionState& state, const YAML::Node& node, ListValue& list) {
  if (!node.IsSequence())
    return state.error(node, "expected a list, got " + std::string(kind_of(node)));
  for (const YAML::Node& item : node) {
    if (state.stopped()) return;
    convert_value(state, item, *list.add_values());
  }
}

void convert_word(ConversionState& state, const YAML::Node& node, Value& value) {
  const std::string& text = node.Scalar();
  const bool bare = !is_quoted(node);
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

void convert_value(ConversionState& state, const YAML::Node& node, Value& value) {
  const Visit visit(state, node);
  if (!visit) return;
  if (node.IsNull())
    value.set_null_value(google::protobuf::NULL_VALUE);
  else if (node.IsMap())
    convert_struct(state, node, *value.mutable_struct_value());
  else if (node.IsSequence())
    convert_list(state, node, *value.mutable_list_value());
  else
    convert_word(state, node, value);
}

}  // namespace

void convert_struct_type(ConversionState& state, const YAML::Node& node,
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
