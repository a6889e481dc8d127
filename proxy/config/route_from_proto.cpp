// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/route_from_proto.hpp"

#include "envoy/config/route/v3/route.pb.h"
#include "proxy/config/header_mutations_from_proto.hpp"
#include "proxy/config/metadata_from_proto.hpp"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/retry_policy_from_proto.hpp"
#include "proxy/config/route_action_from_proto.hpp"
#include "proxy/config/route_filters_from_proto.hpp"
#include "proxy/config/route_match_from_proto.hpp"

namespace weir::config {
namespace {

namespace proto = envoy::config::route::v3;

constexpr std::uint32_t kLargestDirectResponse = 4096;

/// Turns the parts of one route configuration.
class Reader {
 public:
  Reader(const FilterRegistry& registry, std::uint32_t most_direct_response_bytes)
      : registry_(registry), most_direct_response_bytes_(most_direct_response_bytes) {}

  route::VirtualHost host(const proto::VirtualHost& in, const ParseContext& context) const {
    route::VirtualHost out;
    out.name = in.name();
    if (out.name.empty()) context.error("virtual host has no name");
    read_domains(in, context, out);
    for (int i = 0; i < in.routes_size(); ++i) {
      const ParseContext item = context.item("routes", i);
      out.routes.push_back(route(in.routes(i), item));
    }
    out.require_tls = static_cast<route::VirtualHost::RequireTls>(in.require_tls());
    out.request_headers = request_mutations_from_proto(in, context);
    out.response_headers = response_mutations_from_proto(in, context);
    if (in.has_retry_policy())
      out.retry = retry_policy_from_proto(in.retry_policy(), context.field("retry_policy"));
    out.include_request_attempt_count = in.include_request_attempt_count();
    out.include_attempt_count_in_response = in.include_attempt_count_in_response();
    out.filters = route_filters_from_proto(in.typed_per_filter_config(), registry_, context);
    out.metadata = metadata_from_proto(in.metadata());
    remark_idle(in, context);
    return out;
  }

 private:
  static void read_domains(const proto::VirtualHost& in, const ParseContext& context,
                           route::VirtualHost& out) {
    if (in.domains().empty()) context.error("must contain at least 1 domain");
    for (int i = 0; i < in.domains_size(); ++i) {
      const std::string& domain = in.domains(i);
      out.domains.push_back(lower_case(domain));
      const std::size_t star = domain.find('*', domain.starts_with('*') ? 1 : 0);
      if (star == std::string::npos) continue;
      const ParseContext item = context.item("domains", i);
      if (domain.starts_with('*') || star + 1 != domain.size())
        item.warning("'" + domain +
                     "': a '*' stands for other characters only as the first or "
                     "the last character");
    }
  }

  route::Route route(const proto::Route& in, const ParseContext& context) const {
    route::Route out;
    out.name = in.name();
    if (in.has_match())
      out.match = route_match_from_proto(in.match(), context.field("match"));
    else
      context.error("route has no match");
    read_action(in, context, out);
    out.request_headers = request_mutations_from_proto(in, context);
    out.response_headers = response_mutations_from_proto(in, context);
    out.filters = route_filters_from_proto(in.typed_per_filter_config(), registry_, context);
    out.metadata = metadata_from_proto(in.metadata());
    out.decorator = in.decorator().operation();
    if (in.has_decorator()) context.field("decorator").warning("has no effect: nothing is traced");
    if (in.has_tracing()) context.field("tracing").warning("has no effect: nothing is traced");
    if (!in.stat_prefix().empty()) context.field("stat_prefix").warning("has no effect");
    remark_limits(in, context);
    return out;
  }

  void read_action(const proto::Route& in, const ParseContext& context, route::Route& out) const {
    switch (in.action_case()) {
      case proto::Route::kRoute:
        out.action = forward_action_from_proto(in.route(), registry_, context.field("route"));
        return;
      case proto::Route::kRedirect:
        out.action = redirect_action_from_proto(in.redirect(), context.field("redirect"));
        return;
      case proto::Route::kDirectResponse:
        out.action = direct_response_from_proto(in.direct_response(), most_direct_response_bytes_,
                                                context.field("direct_response"));
        return;
      case proto::Route::ACTION_NOT_SET:
        break;
    }
    context.error("route has no action: expected route, redirect or direct_response");
  }

  template <class Proto>
  static void remark_limits(const Proto& in, const ParseContext& context) {
    constexpr std::string_view kText = "has no effect: the listener's buffer limit counts";
    if (in.has_per_request_buffer_limit_bytes())
      context.field("per_request_buffer_limit_bytes").warning(std::string(kText));
    if (in.has_request_body_buffer_limit())
      context.field("request_body_buffer_limit").warning(std::string(kText));
  }

  static void remark_idle(const proto::VirtualHost& in, const ParseContext& context) {
    if (!in.virtual_clusters().empty())
      context.field("virtual_clusters").warning("has no effect: they are not counted");
    if (in.has_cors())
      context.field("cors").warning(
          "has no effect: use typed_per_filter_config of the CORS filter");
    if (!in.request_mirror_policies().empty())
      context.field("request_mirror_policies").warning("has no effect: requests are not mirrored");
    remark_limits(in, context);
  }

  const FilterRegistry& registry_;
  const std::uint32_t most_direct_response_bytes_;
};

route::RouteConfig config_from_proto(const proto::RouteConfiguration& in,
                                     const FilterRegistry& registry, const ParseContext& context) {
  route::RouteConfig out;
  out.name = in.name();
  const Reader reader(registry, in.has_max_direct_response_body_size_bytes()
                                    ? in.max_direct_response_body_size_bytes().value()
                                    : kLargestDirectResponse);
  for (int i = 0; i < in.virtual_hosts_size(); ++i) {
    const ParseContext item = context.item("virtual_hosts", i);
    out.virtual_hosts.push_back(reader.host(in.virtual_hosts(i), item));
  }
  out.request_headers = request_mutations_from_proto(in, context);
  out.response_headers = response_mutations_from_proto(in, context);
  for (const std::string& name : in.internal_only_headers())
    out.internal_only_headers.push_back(lower_case(name));
  out.most_specific_header_mutations_wins = in.most_specific_header_mutations_wins();
  out.ignore_port_in_host_matching = in.ignore_port_in_host_matching();
  out.validate_clusters = !in.has_validate_clusters() || in.validate_clusters().value();
  out.filters = route_filters_from_proto(in.typed_per_filter_config(), registry, context);
  if (!in.request_mirror_policies().empty())
    context.field("request_mirror_policies").warning("has no effect: requests are not mirrored");
  return out;
}

}  // namespace

std::shared_ptr<const route::RouteTable> route_table_from_proto(const proto::RouteConfiguration& in,
                                                                const FilterRegistry& registry,
                                                                const ParseContext& context) {
  auto config =
      std::make_shared<const route::RouteConfig>(config_from_proto(in, registry, context));
  auto table = route::RouteTable::build(std::move(config));
  if (table) return *std::move(table);
  context.error(table.error().message);
  return nullptr;
}

}  // namespace weir::config
