// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/drain_policy_from_proto.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/struct.pb.h>

#include "envoy/config/listener/v3/listener.pb.h"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/scalar_values.hpp"
#include "proxy/config/struct_json.hpp"

namespace weir::config {
namespace {

using envoy::config::listener::v3::Listener;
using google::protobuf::Value;

constexpr const char* kOurs = "weir";
constexpr const char* kDrainPolicy = "drain_policy";

DrainPolicy policy_from(const Value& value, const ParseContext& context) {
  const std::string& text = value.string_value();  // empty when it is something else
  if (text == "never") return {DrainPolicy::Kind::never, {}};
  if (text == "on_change") return {};
  if (const auto parts = parse_duration(text)) {
    google::protobuf::Duration duration;
    duration.set_seconds(parts->seconds);
    duration.set_nanos(parts->nanos);
    return {DrainPolicy::Kind::within, duration_from_proto(duration, context)};
  }
  std::string given = text;
  if (value.kind_case() != Value::kStringValue) append_json(value, given);
  context.error("drain policy '" + given + "': expected never, on_change or a time such as 30s");
  return {};
}

}  // namespace

DrainPolicy drain_policy_from_proto(const Listener& proto, const ParseContext& context) {
  const auto& spaces = proto.metadata().filter_metadata();
  const auto ours = spaces.find(kOurs);
  if (ours == spaces.end()) return {};
  const ParseContext metadata = context.field("metadata");
  const ParseContext filters = metadata.field("filter_metadata");
  const ParseContext at = filters.field(kOurs);
  std::vector<std::string> others;
  for (const auto& [key, value] : ours->second.fields())
    if (key != kDrainPolicy) others.push_back(key);
  std::sort(others.begin(), others.end());
  for (const std::string& key : others)
    at.field(key).warning("has no effect: of a listener only drain_policy is known here");
  const auto policy = ours->second.fields().find(kDrainPolicy);
  if (policy == ours->second.fields().end()) return {};
  return policy_from(policy->second, at.field(kDrainPolicy));
}

void forget_drain_policy(Listener& proto) {
  if (!proto.has_metadata()) return;
  auto& spaces = *proto.mutable_metadata()->mutable_filter_metadata();
  const auto ours = spaces.find(kOurs);
  if (ours == spaces.end()) return;
  ours->second.mutable_fields()->erase(kDrainPolicy);
  if (ours->second.fields().empty()) spaces.erase(ours);
  if (proto.metadata().ByteSizeLong() == 0) proto.clear_metadata();
}

}  // namespace weir::config
