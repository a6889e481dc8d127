// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/any.pb.h>

#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "proxy/config/filter_registry.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_parts.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using envoy::extensions::filters::http::router::v3::Router;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;

constexpr std::string_view kRouter = "envoy.filters.http.router";

bool is_router(const HttpFilter& proto) {
  const std::string& url = proto.typed_config().type_url();
  return url.empty() ? proto.name() == kRouter
                     : config::type_name(url) == Router::descriptor()->full_name();
}

void read_router(const HttpFilter& proto, bool is_last, const ParseContext& context,
                 HcmConfig& out) {
  if (!is_last)
    context.error("terminal filter named " + proto.name() + " of type " + std::string(kRouter) +
                  " must be the last filter in a http filter chain.");
  if (proto.disabled())
    context.field("disabled")
        .error("the last (terminal) filter (" + proto.name() +
               ") in the chain cannot be disabled by default.");
  if (proto.typed_config().type_url().empty())
    return context.warning("filter '" + proto.name() +
                           "' has no typed_config: its defaults are used");
  Router router;
  if (!router.ParseFromString(proto.typed_config().value()))
    return context.field("typed_config").error("not a valid message of its type");
  out.suppress_envoy_headers = router.suppress_envoy_headers();
}

/// @return the canonical name of the filter; "" when there is none
std::string_view read_filter(const HttpFilter& proto, const config::FilterRegistry& registry,
                             const ParseContext& context, HcmConfig& out) {
  const std::string& url = proto.typed_config().type_url();
  if (proto.is_optional() && !registry.knows_http_filter(proto.name(), url)) {
    context.warning("filter '" + proto.name() + "' is optional and left out: no filter is '" +
                    (url.empty() ? proto.name() : url) + "'");
    return "";
  }
  auto filter = registry.parse_http_filter(
      proto.name(), proto.has_typed_config() ? &proto.typed_config() : nullptr, context);
  if (filter == nullptr) return "";
  const std::string_view type = filter->name();
  out.filters.push_back({proto.name(), std::move(filter), proto.disabled()});
  return type;
}

}  // namespace

void read_http_filters(const HttpConnectionManager& proto, const config::FilterRegistry& registry,
                       const ParseContext& context, HcmConfig& out) {
  const int last = proto.http_filters_size() - 1;
  if (last < 0)
    return context.error("has no http_filters: the last one must be " + std::string(kRouter));
  for (int i = 0; i <= last; ++i) {
    const HttpFilter& filter = proto.http_filters(i);
    const ParseContext item = context.item("http_filters", i);
    if (filter.name().empty()) item.error("filter has no name");
    if (is_router(filter)) {
      read_router(filter, i == last, item, out);
      continue;
    }
    const std::string type(read_filter(filter, registry, item, out));
    if (i == last)
      item.error("non-terminal filter named " + filter.name() +
                 (type.empty() ? "" : " of type " + type) +
                 " is the last filter in a http filter chain.");
  }
}

}  // namespace weir::filters
