// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/listener_from_proto.hpp"

#include <algorithm>

#include "envoy/config/listener/v3/listener.pb.h"
#include "proxy/config/access_log_from_proto.hpp"
#include "proxy/config/drain_policy_from_proto.hpp"
#include "proxy/config/filter_chain_from_proto.hpp"
#include "proxy/config/fingerprint.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::config::core::v3::Address;
using envoy::config::core::v3::SocketOption;
using envoy::config::listener::v3::Listener;

constexpr std::string_view kOriginalDst = "envoy.filters.listener.original_dst";

std::optional<ListenerAddressConfig> address_from_proto(const Address& proto,
                                                        const ParseContext& context) {
  const auto* socket_address = socket_address_of(proto, context);
  if (socket_address == nullptr) return std::nullopt;
  const ParseContext inside = context.field("socket_address");
  const auto endpoint = endpoint_from_proto(*socket_address, inside);
  if (!endpoint) return std::nullopt;
  const IpAddress& ip = endpoint->address;
  const bool compat = socket_address->ipv4_compat();
  if (compat && !(!ip.is_v4() && (ip.is_any() || ip.is_v4_mapped())))
    inside.field("ipv4_compat")
        .error("ipv4_compat with address '" + ip.to_string() +
               "': only '::' and IPv4-mapped addresses can have it");
  return ListenerAddressConfig{ListenAddress{*endpoint}, compat};
}

std::vector<ListenerAddressConfig> addresses_from_proto(const Listener& proto,
                                                        const ParseContext& context) {
  std::vector<ListenerAddressConfig> addresses;
  const auto add = [&](const Address& address, const ParseContext& at) {
    const auto parsed = address_from_proto(address, at);
    if (!parsed) return;
    if (parsed->address.endpoint.port != 0 &&
        std::find(addresses.begin(), addresses.end(), *parsed) != addresses.end())
      at.error("address '" + parsed->address.to_string() + "': listed twice");
    addresses.push_back(*parsed);
  };
  if (!proto.has_address())
    context.error("error adding listener named '" + proto.name() + "': address is necessary");
  else
    add(proto.address(), context.field("address"));
  for (int i = 0; i < proto.additional_addresses_size(); ++i) {
    const ParseContext item = context.item("additional_addresses", i);
    add(proto.additional_addresses(i).address(), item.field("address"));
  }
  return addresses;
}

std::vector<ListenerFilterEntry> listener_filters_from_proto(const Listener& proto,
                                                             const FilterRegistry& registry,
                                                             const ParseContext& context) {
  std::vector<ListenerFilterEntry> entries;
  for (int i = 0; i < proto.listener_filters_size(); ++i) {
    const auto& filter = proto.listener_filters(i);
    const ParseContext item = context.item("listener_filters", i);
    ListenerFilterEntry entry;
    entry.filter = registry.parse_listener_filter(
        filter.name(), filter.has_typed_config() ? &filter.typed_config() : nullptr, item);
    if (filter.has_filter_disabled())
      entry.disabled =
          port_predicate_from_proto(filter.filter_disabled(), item.field("filter_disabled"));
    if (entry.filter) entries.push_back(std::move(entry));
  }
  if (!proto.use_original_dst().value()) return entries;
  const ParseContext field = context.field("use_original_dst");
  if (auto filter = registry.default_listener_filter(kOriginalDst, field))
    entries.push_back({std::move(filter), std::nullopt});
  else
    field.error(explain_missing_extension(kOriginalDst, "", {}));
  return entries;
}

SocketOptionConfig socket_option_from_proto(const SocketOption& proto,
                                            const ParseContext& context) {
  SocketOptionConfig option{static_cast<int>(proto.level()), static_cast<int>(proto.name()), "",
                            SocketOptionConfig::State::pre_bind};
  if (proto.state() == SocketOption::STATE_BOUND) option.state = SocketOptionConfig::State::bound;
  if (proto.state() == SocketOption::STATE_LISTENING)
    option.state = SocketOptionConfig::State::listening;
  if (proto.has_int_value()) {
    const int value = static_cast<int>(proto.int_value());
    option.value.assign(reinterpret_cast<const char*>(&value), sizeof value);
  } else if (proto.has_buf_value()) {
    option.value = proto.buf_value();
  } else {
    context.error("has no value: expected int_value or buf_value");
  }
  return option;
}

TrafficDirection direction_from_proto(envoy::config::core::v3::TrafficDirection proto) {
  switch (proto) {
    case envoy::config::core::v3::INBOUND:
      return TrafficDirection::inbound;
    case envoy::config::core::v3::OUTBOUND:
      return TrafficDirection::outbound;
    default:
      return TrafficDirection::unspecified;
  }
}

/// Says which settings of the listener are read and then do nothing.
void report_without_effect(const Listener& proto, const ParseContext& context) {
  if (proto.has_connection_balance_config())
    context.field("connection_balance_config")
        .warning("has no effect: the kernel spreads connections over the workers' own sockets");
  if (proto.has_max_connections_to_accept_per_socket_event())
    context.field("max_connections_to_accept_per_socket_event").warning("has no effect");
}

void read_sockets(const Listener& proto, const ParseContext& context, ListenerConfig& listener) {
  listener.bind_to_port =
      (!proto.has_bind_to_port() || proto.bind_to_port().value()) &&
      (!proto.deprecated_v1().has_bind_to_port() || proto.deprecated_v1().bind_to_port().value());
  listener.transparent = proto.transparent().value();
  listener.freebind = proto.freebind().value();
  listener.reuse_port = !proto.has_enable_reuse_port() || proto.enable_reuse_port().value();
  listener.ignore_global_connection_limit = proto.ignore_global_conn_limit();
  if (proto.has_tcp_backlog_size()) listener.tcp_backlog = proto.tcp_backlog_size().value();
  if (proto.has_per_connection_buffer_limit_bytes())
    listener.per_connection_buffer_limit = proto.per_connection_buffer_limit_bytes().value();
  for (int i = 0; i < proto.socket_options_size(); ++i)
    listener.socket_options.push_back(
        socket_option_from_proto(proto.socket_options(i), context.item("socket_options", i)));
}

void read_filters(const Listener& proto, const FilterRegistry& registry,
                  const ParseContext& context, ListenerConfig& listener) {
  for (int i = 0; i < proto.filter_chains_size(); ++i)
    listener.filter_chains.push_back(filter_chain_from_proto(proto.filter_chains(i), registry,
                                                             context.item("filter_chains", i)));
  if (proto.has_default_filter_chain()) {
    const ParseContext chain = context.field("default_filter_chain");
    listener.default_filter_chain =
        filter_chain_from_proto(proto.default_filter_chain(), registry, chain);
  }
  listener.use_original_dst = proto.use_original_dst().value();
  listener.listener_filters = listener_filters_from_proto(proto, registry, context);
  if (proto.has_listener_filters_timeout())
    listener.listener_filters_timeout = duration_from_proto(
        proto.listener_filters_timeout(), context.field("listener_filters_timeout"));
  listener.continue_on_listener_filters_timeout = proto.continue_on_listener_filters_timeout();
}

std::uint64_t frame_fingerprint_of(const Listener& proto) {
  Listener frame = proto;
  frame.clear_filter_chains();
  frame.clear_default_filter_chain();
  forget_drain_policy(frame);
  return fingerprint_of(frame);
}

}  // namespace

ListenerConfig listener_from_proto(const Listener& proto, const FilterRegistry& registry,
                                   const ParseContext& context) {
  ListenerConfig listener;
  listener.addresses = addresses_from_proto(proto, context);
  listener.name = proto.name();
  if (listener.name.empty() && !listener.addresses.empty())
    listener.name = listener.addresses[0].address.to_string();
  listener.stat_prefix = proto.stat_prefix();
  listener.direction = direction_from_proto(proto.traffic_direction());
  read_sockets(proto, context, listener);
  read_filters(proto, registry, context, listener);
  listener.access_logs = access_logs_from_proto(proto.access_log(), context, "access_log");
  listener.drain_policy = drain_policy_from_proto(proto, context);
  listener.drains_on_failed_health_check = proto.drain_type() == Listener::DEFAULT;
  report_without_effect(proto, context);
  listener.frame_fingerprint = frame_fingerprint_of(proto);
  if (proto.filter_chains().empty() && !proto.has_default_filter_chain())
    context.error("error adding listener '" + listener.name + "': no filter chains specified");
  return listener;
}

}  // namespace weir::config
