// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/runtime_layers.hpp"

#include <google/protobuf/struct.pb.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config/scalar_values.hpp"

namespace weir::config {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kGlobalLimit = "overload.global_downstream_max_connections";
constexpr std::string_view kListenerPrefix = "envoy.resource_limits.listener.";
constexpr std::string_view kListenerSuffix = ".connection_limit";

std::optional<std::uint64_t> whole_number(const Value& value) {
  if (value.kind_case() == Value::kStringValue) {
    const auto parsed = parse_unsigned(value.string_value(), true);
    return parsed ? std::optional(parsed->value) : std::nullopt;
  }
  const double number = value.number_value();
  if (value.kind_case() != Value::kNumberValue || !(number >= 0) || number > 1e18)
    return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

void read_key(const std::string& key, const Value& value, const ParseContext& layer,
              RuntimeLimits& limits) {
  const bool global = key == kGlobalLimit;
  const bool listener = key.size() > kListenerPrefix.size() + kListenerSuffix.size() &&
                        key.starts_with(kListenerPrefix) && key.ends_with(kListenerSuffix);
  if (!global && !listener) {
    layer.warning("runtime key '" + key + "' has no effect");
    return;
  }
  const auto number = whole_number(value);
  if (!number) return layer.error("runtime key '" + key + "': expected a whole number");
  if (global) {
    limits.global_connections = number;
    return;
  }
  const std::size_t length = key.size() - kListenerPrefix.size() - kListenerSuffix.size();
  limits.listener_connections[key.substr(kListenerPrefix.size(), length)] = *number;
}

/// {a: {b: 1}} and {"a.b": 1} are the same key.
void read_struct(const Struct& object, const std::string& prefix, const ParseContext& layer,
                 RuntimeLimits& limits) {
  const std::map<std::string, const Value*> sorted = [&] {
    std::map<std::string, const Value*> members;
    for (const auto& [name, value] : object.fields()) members.emplace(name, &value);
    return members;
  }();
  for (const auto& [name, value] : sorted) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    if (value->kind_case() == Value::kStructValue)
      read_struct(value->struct_value(), key, layer, limits);
    else
      read_key(key, *value, layer, limits);
  }
}

}  // namespace

RuntimeLimits runtime_from_proto(const envoy::config::bootstrap::v3::LayeredRuntime& proto,
                                 const ParseContext& context) {
  RuntimeLimits limits;
  for (int i = 0; i < proto.layers_size(); ++i) {
    const ParseContext layer = context.item("layers", i);
    if (proto.layers(i).has_static_layer())
      read_struct(proto.layers(i).static_layer(), "", layer.field("static_layer"), limits);
  }
  return limits;
}

}  // namespace weir::config
