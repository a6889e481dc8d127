// SPDX-License-Identifier: Apache-2.0
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "proxy/config_dump/dump_values.hpp"
#include "proxy/config_dump/sections.hpp"

namespace weir::config_dump {
namespace {

using discovery::ResourceType;
using envoy::admin::v3::RoutesConfigDump;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

using TimePoint = std::chrono::system_clock::time_point;

/// Route tables that are written inside of an HTTP connection manager.
void add_inline(const FilterChain& chain, TimePoint updated, const DumpContext& context,
                RoutesConfigDump& dump) {
  for (const auto& filter : chain.filters()) {
    HttpConnectionManager manager;
    if (!filter.typed_config().Is<HttpConnectionManager>() ||
        !filter.typed_config().UnpackTo(&manager) || !manager.has_route_config() ||
        !context.wants(manager.route_config().name()))
      continue;
    auto& shown = *dump.add_static_route_configs();
    shown.mutable_route_config()->PackFrom(manager.route_config());
    *shown.mutable_last_updated() = timestamp_of(updated);
  }
}

void add_inline(const Listener& listener, TimePoint updated, const DumpContext& context,
                RoutesConfigDump& dump) {
  for (const auto& chain : listener.filter_chains()) add_inline(chain, updated, context, dump);
  if (listener.has_default_filter_chain())
    add_inline(listener.default_filter_chain(), updated, context, dump);
}

/// Route tables that listeners name.
void add_dynamic(const DumpContext& context, RoutesConfigDump& dump) {
  for (const auto& [name, stored] : context.input.store.route_tables()) {
    if (!context.wants(name)) continue;
    auto& shown = *dump.add_dynamic_route_configs();
    if (stored.origin != nullptr)
      set_state(shown, shown.mutable_route_config(), ResourceType::route, *stored.origin);
    if (stored.error) *shown.mutable_error_state() = failure_of(*stored.error);
  }
  for (const auto& [source, failure] : context.input.store.failures())
    if (source.first == ResourceType::route && context.wants(""))
      *dump.add_dynamic_route_configs()->mutable_error_state() = failure_of(failure);
}

}  // namespace

RoutesConfigDump dump_routes(const DumpContext& context) {
  RoutesConfigDump dump;
  for (const auto& listener : context.bootstrap.static_resources().listeners())
    add_inline(listener, context.input.started, context, dump);
  for (const auto& active : context.input.active_listeners) {
    Listener listener;
    if (active->origin != nullptr && listener.ParseFromString(active->origin->message))
      add_inline(listener, active->origin->updated, context, dump);
  }
  add_dynamic(context, dump);
  return dump;
}

}  // namespace weir::config_dump
