// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_dump/config_dump.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>

#include "proxy/config_dump/dump_values.hpp"
#include "proxy/config_dump/field_mask.hpp"
#include "proxy/config_dump/message_json.hpp"
#include "proxy/config_dump/sections.hpp"
#include "proxy/route/regex.hpp"

namespace weir::config_dump {

bool DumpContext::wants(std::string_view name) const {
  return names == nullptr || route::matches_whole(*names, name);
}

envoy::admin::v3::BootstrapConfigDump dump_bootstrap(const DumpContext& context) {
  envoy::admin::v3::BootstrapConfigDump dump;
  *dump.mutable_bootstrap() = context.bootstrap;
  *dump.mutable_last_updated() = timestamp_of(context.input.started);
  return dump;
}

namespace {

using admin::Response;
using envoy::admin::v3::ConfigDump;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Section {
  const Descriptor* (*type)();
  std::unique_ptr<Message> (*build)(const DumpContext& context);
  bool only_with_eds = false;
};

template <class Dump>
std::unique_ptr<Message> empty(const DumpContext&) {
  return std::make_unique<Dump>();
}
template <class Dump, Dump (*make)(const DumpContext&)>
std::unique_ptr<Message> build(const DumpContext& context) {
  return std::make_unique<Dump>(make(context));
}
template <class Dump, Dump (*make)(const DumpContext&)>
constexpr Section section(bool only_with_eds = false) {
  return {Dump::descriptor, build<Dump, make>, only_with_eds};
}
template <class Dump>
constexpr Section empty_section() {
  return {Dump::descriptor, empty<Dump>};
}

/// In Envoy's order.
constexpr Section kSections[] = {
    section<envoy::admin::v3::BootstrapConfigDump, dump_bootstrap>(),
    section<envoy::admin::v3::ClustersConfigDump, dump_clusters>(),
    section<envoy::admin::v3::EndpointsConfigDump, dump_endpoints>(true),
    section<envoy::admin::v3::ListenersConfigDump, dump_listeners>(),
    empty_section<envoy::admin::v3::ScopedRoutesConfigDump>(),
    section<envoy::admin::v3::RoutesConfigDump, dump_routes>(),
    empty_section<envoy::admin::v3::SecretsConfigDump>(),
};

/// A parameter without a value is as if it were not there.
std::optional<std::string_view> value_of(const admin::QueryParams& params, std::string_view name) {
  const auto value = params.find(name);
  return value && !value->empty() ? value : std::nullopt;
}

Response refuse(unsigned status, std::string text) {
  return {status, admin::kPlainText, std::move(text)};
}

Response show(const ConfigDump& dump) {
  auto text = message_json(dump);
  if (!text) return refuse(500, text.error().message);
  return {200, admin::kJson, *std::move(text)};
}

Response show_all(const DumpContext& context, bool with_eds, std::optional<std::string_view> mask) {
  ConfigDump dump;
  for (const Section& section : kSections) {
    if (section.only_with_eds && !with_eds) continue;
    const auto message = section.build(context);
    // Each section has other fields: only where none has them the mask is wrong.
    if (mask && !apply_mask(field_mask_of(*mask), *message)) continue;
    dump.add_configs()->PackFrom(*message);
  }
  if (dump.configs().empty())
    return refuse(400, "FieldMask " + std::string(*mask) +
                           " could not be successfully applied to any configs.");
  return show(dump);
}

Response show_list(Message& section, const FieldDescriptor& list,
                   std::optional<std::string_view> mask) {
  const auto& reflection = *section.GetReflection();
  ConfigDump dump;
  for (int i = 0; i < reflection.FieldSize(section, &list); ++i) {
    Message& entry = *reflection.MutableRepeatedMessage(&section, &list, i);
    if (mask && !apply_resource_mask(field_mask_of(*mask), entry))
      return refuse(400, "FieldMask " + field_mask_of(*mask).DebugString() +
                             " could not be successfully used.");
    dump.add_configs()->PackFrom(entry);
  }
  return show(dump);
}

Response show_resource(const DumpContext& context, bool with_eds, std::string_view resource,
                       std::optional<std::string_view> mask) {
  const std::string name(resource);
  for (const Section& section : kSections) {
    if (section.only_with_eds && !with_eds) continue;
    const FieldDescriptor* const field = section.type()->FindFieldByName(name);
    if (field == nullptr) continue;
    if (!field->is_repeated())
      return refuse(
          400, name + " is not a repeated field. Use ?mask=" + name + " to get only this field");
    return show_list(*section.build(context), *field, mask);
  }
  return refuse(404, name + " not found in config dump");
}

}  // namespace

Response dump_config(const admin::QueryParams& params, const DumpInput& input) {
  DumpContext context{input, {}, nullptr};
  if (const auto pattern = value_of(params, "name_regex")) {
    auto regex = route::compile_regex(*pattern);
    if (!regex)
      return refuse(400, "INVALID_ARGUMENT: Error while parsing name_regex from " +
                             std::string(*pattern) + ": " + regex.error().message);
    context.names = *std::move(regex);
  }
  if (const auto& bytes = input.store.snapshot()->bootstrap; bytes != nullptr)
    context.bootstrap.ParseFromString(*bytes);
  const bool with_eds = params.has("include_eds") && !input.clusters.empty();
  const auto mask = value_of(params, "mask");
  if (const auto resource = value_of(params, "resource"))
    return show_resource(context, with_eds, *resource, mask);
  return show_all(context, with_eds, mask);
}

}  // namespace weir::config_dump
