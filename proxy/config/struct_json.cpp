// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/struct_json.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <google/protobuf/struct.pb.h>

#include "common/json_writer.hpp"

namespace weir::config {
namespace {

void append_string(std::string_view text, std::string& out) {
  out += '"';
  append_escaped_json(text, out);
  out += '"';
}

}  // namespace

void append_json(const google::protobuf::Struct& object, std::string& out) {
  std::vector<const std::string*> names;
  for (const auto& [name, value] : object.fields()) names.push_back(&name);
  std::sort(names.begin(), names.end(), [](auto* one, auto* other) { return *one < *other; });
  out += '{';
  for (const std::string* name : names) {
    if (name != names.front()) out += ',';
    append_string(*name, out);
    out += ':';
    append_json(object.fields().at(*name), out);
  }
  out += '}';
}

void append_json(const google::protobuf::Value& value, std::string& out) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::kNumberValue:
      append_json_number(value.number_value(), out);
      return;
    case Value::kStringValue:
      append_string(value.string_value(), out);
      return;
    case Value::kBoolValue:
      out += value.bool_value() ? "true" : "false";
      return;
    case Value::kStructValue:
      append_json(value.struct_value(), out);
      return;
    case Value::kListValue:
      out += '[';
      for (int i = 0; i < value.list_value().values_size(); ++i) {
        if (i > 0) out += ',';
        append_json(value.list_value().values(i), out);
      }
      out += ']';
      return;
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      out += "null";
      return;
  }
}

}  // namespace weir::config
