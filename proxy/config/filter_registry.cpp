// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/filter_registry.hpp"

#include <algorithm>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/message.h>

#include "proxy/config/enum_values.hpp"

namespace weir::config {
namespace {

using google::protobuf::Any;
using google::protobuf::Message;

template <class Type>
std::vector<std::string_view> names_of(const std::vector<Type>& types) {
  std::vector<std::string_view> names;
  for (const Type& type : types) names.push_back(type.name);
  return names;
}

template <class Type>
const Type* find_by_name(const std::vector<Type>& types, std::string_view name) {
  for (const Type& type : types)
    if (type.name == name) return &type;
  return nullptr;
}

template <class Type>
const Type* find_by_type(const std::vector<Type>& types, std::string_view type_url) {
  for (const Type& type : types)
    if (type.prototype->GetDescriptor()->full_name() == type_name(type_url)) return &type;
  return nullptr;
}

/// Finds the type, unpacks the configuration and parses it: the same for every kind of filter.
template <class Type, class Parse>
auto parse_filter(const std::vector<Type>& types, std::string_view name, const Any* typed_config,
                  const ParseContext& context, Parse&& parse)
    -> decltype(parse(types.front(), *typed_config, context)) {
  const std::string_view url =
      typed_config != nullptr ? std::string_view(typed_config->type_url()) : "";
  const Type* type = url.empty() ? find_by_name(types, name) : find_by_type(types, url);
  if (type == nullptr) {
    context.error(explain_missing_extension(name, url, names_of(types)));
    return nullptr;
  }
  const ParseContext inside = context.field("typed_config");
  const std::unique_ptr<Message> config(type->prototype->New());
  if (url.empty()) {
    context.warning("filter '" + std::string(name) +
                    "' has no typed_config: its defaults are used");
  } else if (!config->ParseFromString(typed_config->value())) {
    inside.error("typed_config of filter '" + std::string(name) +
                 "': not a valid message of its type");
    return nullptr;
  }
  check_enum_values(*config, inside);
  return parse(*type, *config, inside);
}

constexpr auto kParse = [](const auto& type, const Message& config, const ParseContext& context) {
  return type.parse(config, context);
};

}  // namespace

std::shared_ptr<const NetworkFilterConfig> FilterRegistry::parse_network_filter(
    std::string_view name, const Any* typed_config, const ParseContext& context) const {
  return parse_filter(
      network_, name, typed_config, context,
      [this](const NetworkFilterType& type, const Message& config, const ParseContext& inside) {
        return type.parse(config, *this, inside);
      });
}

std::shared_ptr<const ListenerFilterConfig> FilterRegistry::parse_listener_filter(
    std::string_view name, const Any* typed_config, const ParseContext& context) const {
  return parse_filter(listener_, name, typed_config, context, kParse);
}

std::shared_ptr<const HttpFilterConfig> FilterRegistry::parse_http_filter(
    std::string_view name, const Any* typed_config, const ParseContext& context) const {
  const std::string_view url =
      typed_config != nullptr ? std::string_view(typed_config->type_url()) : "";
  if (const auto* refused = find_refused(name, url)) {
    context.error(explain_refused_filter(*refused));
    return nullptr;
  }
  return parse_filter(http_, name, typed_config, context, kParse);
}

const RefusedHttpFilter* FilterRegistry::find_refused(std::string_view name,
                                                      std::string_view type_url) const {
  const auto found = std::find_if(refused_.begin(), refused_.end(), [&](const auto& filter) {
    return type_url.empty()
               ? filter.name == name
               : type_name(type_url).substr(0, filter.package.size()) == filter.package;
  });
  return found == refused_.end() ? nullptr : &*found;
}

bool FilterRegistry::knows_http_filter(std::string_view name, std::string_view type_url) const {
  if (const auto* refused = find_refused(name, type_url); refused && !refused->reason.empty())
    return true;
  return (type_url.empty() ? find_by_name(http_, name) : find_by_type(http_, type_url)) != nullptr;
}

bool FilterRegistry::knows_route_filter(std::string_view type_url) const {
  if (const auto* refused = find_refused("", type_url); refused && !refused->reason.empty())
    return true;
  return std::any_of(http_.begin(), http_.end(), [&](const HttpFilterType& type) {
    return type.route_prototype != nullptr &&
           type.route_prototype->GetDescriptor()->full_name() == type_name(type_url);
  });
}

std::shared_ptr<const RouteFilterConfig> FilterRegistry::parse_route_filter(
    const Any& typed_config, const ParseContext& context) const {
  if (const auto* refused = find_refused("", typed_config.type_url())) {
    context.error(explain_refused_filter(*refused));
    return nullptr;
  }
  std::vector<std::string_view> known;
  for (const HttpFilterType& type : http_) {
    if (type.route_prototype == nullptr) continue;
    const std::string& name = type.route_prototype->GetDescriptor()->full_name();
    known.push_back(name);
    if (name != type_name(typed_config.type_url())) continue;
    const std::unique_ptr<Message> config(type.route_prototype->New());
    if (!config->ParseFromString(typed_config.value())) {
      context.error("not a valid message of type '" + name + "'");
      return nullptr;
    }
    check_enum_values(*config, context);
    return type.parse_route(*config, context);
  }
  context.error(
      explain_missing_extension("typed_per_filter_config", typed_config.type_url(), known));
  return nullptr;
}

std::shared_ptr<const ListenerFilterConfig> FilterRegistry::default_listener_filter(
    std::string_view name, const ParseContext& context) const {
  const ListenerFilterType* type = find_by_name(listener_, name);
  return type == nullptr ? nullptr : type->parse(*type->prototype, context);
}

std::string explain_refused_filter(const RefusedHttpFilter& filter) {
  std::string text =
      "filter '" + std::string(filter.name) + "' is not supported by this version of weir-proxy";
  if (!filter.reason.empty()) text += ": " + std::string(filter.reason);
  return text;
}

std::string_view type_name(std::string_view type_url) {
  const std::size_t slash = type_url.rfind('/');
  return slash == std::string_view::npos ? type_url : type_url.substr(slash + 1);
}

std::string explain_missing_extension(std::string_view name, std::string_view type_url,
                                      const std::vector<std::string_view>& known) {
  std::string text = "Didn't find a registered implementation for '" + std::string(name) +
                     "' with type URL: '" + std::string(type_url) + "'";
  for (std::size_t i = 0; i < known.size(); ++i)
    text += (i == 0 ? "; known: " : ", ") + std::string(known[i]);
  return text;
}

}  // namespace weir::config
