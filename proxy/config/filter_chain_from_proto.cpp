// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/filter_chain_from_proto.hpp"

#include "envoy/config/listener/v3/listener_components.pb.h"
#include "proxy/config/fingerprint.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::FilterChainMatch;
using Predicate = envoy::config::listener::v3::ListenerFilterChainMatchPredicate;

template <class Ranges>
std::vector<CidrRange> ranges_from_proto(const Ranges& proto, const ParseContext& match,
                                         std::string_view field) {
  std::vector<CidrRange> ranges;
  for (int i = 0; i < proto.size(); ++i)
    if (const auto range = cidr_from_proto(proto[i], match.item(field, i)))
      ranges.push_back(*range);
  return ranges;
}

/// "host" and "*.suffix"; other uses of '*' have no meaning that a lookup could give them.
std::string server_name_from_proto(const std::string& name, const ParseContext& context) {
  if (name.empty()) context.error("server name is empty");
  if (name.find('*', name.starts_with("*.") ? 1 : 0) != std::string::npos)
    context.error("server name '" + name +
                  "': partial wildcards are not supported in \"server_names\"");
  return lower_case(name);
}

SourceType source_type_from_proto(FilterChainMatch::ConnectionSourceType proto) {
  switch (proto) {
    case FilterChainMatch::SAME_IP_OR_LOOPBACK:
      return SourceType::same_ip_or_loopback;
    case FilterChainMatch::EXTERNAL:
      return SourceType::external;
    default:
      return SourceType::any;
  }
}

FilterChainMatchConfig match_from_proto(const FilterChainMatch& proto,
                                        const ParseContext& context) {
  FilterChainMatchConfig match;
  if (proto.has_destination_port()) {
    const ParseContext port = context.field("destination_port");
    match.destination_port = port_from_proto(proto.destination_port().value(), port);
    if (proto.destination_port().value() == 0) port.error("port '0': must be at least 1");
  }
  match.prefix_ranges = ranges_from_proto(proto.prefix_ranges(), context, "prefix_ranges");
  for (int i = 0; i < proto.server_names_size(); ++i)
    match.server_names.push_back(
        server_name_from_proto(proto.server_names(i), context.item("server_names", i)));
  match.transport_protocol = proto.transport_protocol();
  match.application_protocols.assign(proto.application_protocols().begin(),
                                     proto.application_protocols().end());
  match.direct_source_prefix_ranges = ranges_from_proto(proto.direct_source_prefix_ranges(),
                                                        context, "direct_source_prefix_ranges");
  match.source_type = source_type_from_proto(proto.source_type());
  match.source_prefix_ranges =
      ranges_from_proto(proto.source_prefix_ranges(), context, "source_prefix_ranges");
  for (int i = 0; i < proto.source_ports_size(); ++i) {
    const ParseContext port = context.item("source_ports", i);
    match.source_ports.push_back(port_from_proto(proto.source_ports(i), port));
    if (proto.source_ports(i) == 0) port.error("port '0': must be at least 1");
  }
  return match;
}

std::vector<PortPredicate> rules_from_proto(const Predicate::MatchSet& set,
                                            const ParseContext& context) {
  std::vector<PortPredicate> rules;
  for (int i = 0; i < set.rules_size(); ++i)
    rules.push_back(port_predicate_from_proto(set.rules(i), context.item("rules", i)));
  if (rules.size() < 2) context.error("needs at least 2 rules");
  return rules;
}

}  // namespace

PortPredicate port_predicate_from_proto(const Predicate& proto, const ParseContext& context) {
  PortPredicate out;
  switch (proto.rule_case()) {
    case Predicate::kAnyMatch:
      break;
    case Predicate::kOrMatch:
      out.kind = PortPredicate::Kind::any_of;
      out.children = rules_from_proto(proto.or_match(), context.field("or_match"));
      break;
    case Predicate::kAndMatch:
      out.kind = PortPredicate::Kind::all_of;
      out.children = rules_from_proto(proto.and_match(), context.field("and_match"));
      break;
    case Predicate::kNotMatch:
      out.kind = PortPredicate::Kind::none_of;
      out.children.push_back(
          port_predicate_from_proto(proto.not_match(), context.field("not_match")));
      break;
    case Predicate::kDestinationPortRange: {
      const auto& range = proto.destination_port_range();
      out.kind = PortPredicate::Kind::port_range;
      if (range.start() < 0 || range.end() > 65536 || range.start() >= range.end())
        context.field("destination_port_range")
            .error("port range [" + std::to_string(range.start()) + ", " +
                   std::to_string(range.end()) +
                   "): must hold at least one port of 0 to 65535; the end is not part of it");
      out.start = static_cast<std::uint32_t>(range.start());
      out.end = static_cast<std::uint32_t>(range.end());
      break;
    }
    case Predicate::RULE_NOT_SET:
      context.error(
          "has no rule: expected or_match, and_match, not_match, any_match or "
          "destination_port_range");
  }
  return out;
}

FilterChainConfig filter_chain_from_proto(const FilterChain& proto, const FilterRegistry& registry,
                                          const ParseContext& context) {
  FilterChainConfig chain;
  chain.name = proto.name();
  chain.fingerprint = fingerprint_of(proto);
  chain.match = match_from_proto(proto.filter_chain_match(), context.field("filter_chain_match"));
  for (int i = 0; i < proto.filters_size(); ++i) {
    const auto& filter = proto.filters(i);
    const ParseContext item = context.item("filters", i);
    auto parsed = registry.parse_network_filter(
        filter.name(), filter.has_typed_config() ? &filter.typed_config() : nullptr, item);
    if (parsed) chain.filters.push_back(std::move(parsed));
    // Every network filter that exists is terminal.
    if (i + 1 < proto.filters_size())
      item.error("filter '" + filter.name() + "': a terminal filter must be the last of its chain");
  }
  return chain;
}

}  // namespace weir::config
