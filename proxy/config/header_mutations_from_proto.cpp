// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/header_mutations_from_proto.hpp"

#include "envoy/config/core/v3/base.pb.h"
#include "proxy/access_log/format.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::config::core::v3::HeaderValueOption;
using Action = route::HeaderAddition::Action;

bool is_modifiable(std::string_view name) { return !name.starts_with(':') && name != "host"; }

Action action_from_proto(const HeaderValueOption& proto, const ParseContext& context) {
  if (proto.has_append()) {  // deprecated
    if (proto.append_action() != HeaderValueOption::APPEND_IF_EXISTS_OR_ADD)
      context.error("Both append and append_action are set and it's not allowed");
    return proto.append().value() ? Action::append : Action::overwrite;
  }
  switch (proto.append_action()) {
    case HeaderValueOption::ADD_IF_ABSENT:
      return Action::add_if_absent;
    case HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD:
      return Action::overwrite;
    case HeaderValueOption::OVERWRITE_IF_EXISTS:
      return Action::overwrite_if_present;
    default:
      return Action::append;
  }
}

void check_name(std::string_view name, const ParseContext& context) {
  if (name.empty()) return context.error("header has no key");
  const std::string_view token = name.starts_with(':') ? name.substr(1) : name;
  if (!is_header_name(token))
    context.field("key").error("'" + std::string(name) + "': not a header name");
}

void read_value(const std::string& value, const ParseContext& context,
                route::HeaderAddition& addition) {
  if (value.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
    return context.error("holds a line break or a zero byte");
  if (value.find('%') == std::string::npos) {
    addition.literal = value;
    return;
  }
  auto format = access_log::Format::header(value);
  if (!format) return context.error(format.error().message);
  addition.format = std::make_shared<const access_log::Format>(*std::move(format));
}

}  // namespace

route::HeaderAddition header_addition_from_proto(const HeaderValueOption& proto,
                                                 const ParseContext& context) {
  route::HeaderAddition addition;
  if (!proto.has_header()) {
    context.error("has no header");
    return addition;
  }
  const auto& header = proto.header();
  const ParseContext inside = context.field("header");
  addition.name = lower_case(header.key());
  addition.action = action_from_proto(proto, context);
  addition.keep_empty = proto.keep_empty_value();
  check_name(addition.name, inside);
  if (header.value().empty())
    read_value(header.raw_value(), inside.field("raw_value"), addition);
  else
    read_value(header.value(), inside.field("value"), addition);
  return addition;
}

route::HeaderMutations header_mutations_from_proto(const HeaderValueOptions& add,
                                                   const HeaderNames& remove,
                                                   const ParseContext& parent,
                                                   std::string_view fields) {
  route::HeaderMutations out;
  const std::string add_field = std::string(fields) + "_to_add";
  const std::string remove_field = std::string(fields) + "_to_remove";
  for (int i = 0; i < remove.size(); ++i) {
    const ParseContext item = parent.item(remove_field, i);
    out.remove.push_back(lower_case(remove[i]));
    if (out.remove.back().empty()) item.error("header name is empty");
    if (!is_modifiable(out.remove.back()))
      item.error(":-prefixed or host headers may not be removed");
  }
  for (int i = 0; i < add.size(); ++i) {
    const ParseContext item = parent.item(add_field, i);
    out.add.push_back(header_addition_from_proto(add[i], item));
    if (!is_modifiable(out.add.back().name))
      item.error(":-prefixed or host headers may not be modified");
  }
  return out;
}

}  // namespace weir::config
