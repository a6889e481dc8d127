// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/metadata_from_proto.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include <google/protobuf/struct.pb.h>

#include "common/json_writer.hpp"
#include "envoy/config/core/v3/base.pb.h"

namespace weir::config {
namespace {

using google::protobuf::Value;

void append(const Value& value, std::string& out);

void append_text(std::string_view text, std::string& out) {
  out += '"';
  append_escaped_json(text, out);
  out += '"';
}

void append_number(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number);
  out.append(text, end.ptr);
}

void append_struct(const google::protobuf::Struct& fields, std::string& out) {
  std::vector<const std::string*> names;
  for (const auto& [name, value] : fields.fields()) names.push_back(&name);
  std::sort(names.begin(), names.end(), [](auto* one, auto* other) { return *one < *other; });
  out += '{';
  for (const std::string* name : names) {
    if (name != names.front()) out += ',';
    append_text(*name, out);
    out += ':';
    append(fields.fields().at(*name), out);
  }
  out += '}';
}

void append(const Value& value, std::string& out) {
  switch (value.kind_case()) {
    case Value::kNumberValue:
      append_number(value.number_value(), out);
      return;
    case Value::kStringValue:
      append_text(value.string_value(), out);
      return;
    case Value::kBoolValue:
      out += value.bool_value() ? "true" : "false";
      return;
    case Value::kStructValue:
      append_struct(value.struct_value(), out);
      return;
    case Value::kListValue:
      out += '[';
      for (int i = 0; i < value.list_value().values_size(); ++i) {
        if (i > 0) out += ',';
        append(value.list_value().values(i), out);
      }
      out += ']';
      return;
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      out += "null";
      return;
  }
}

}  // namespace

std::shared_ptr<const http::Metadata> metadata_from_proto(
    const envoy::config::core::v3::Metadata& proto) {
  if (proto.filter_metadata().empty()) return nullptr;
  auto out = std::make_shared<http::Metadata>();
  for (const auto& [space, values] : proto.filter_metadata())
    for (const auto& [key, value] : values.fields()) {
      std::string json;
      append(value, json);
      out->entries.push_back({space, key, std::move(json)});
    }
  std::sort(out->entries.begin(), out->entries.end(), [](const auto& one, const auto& other) {
    return std::tie(one.space, one.key) < std::tie(other.space, other.key);
  });
  return out;
}

}  // namespace weir::config
