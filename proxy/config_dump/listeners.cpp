// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>

#include "proxy/config_dump/dump_values.hpp"
#include "proxy/config_dump/sections.hpp"

namespace weir::config_dump {
namespace {

using discovery::ResourceType;
using envoy::admin::v3::ListenersConfigDump;
using DynamicListener = ListenersConfigDump::DynamicListener;
using Listeners = DumpInput::Listeners;

void set_listener(ListenersConfigDump::DynamicListenerState& state,
                  const config::ConfigOrigin& origin) {
  set_state(state, state.mutable_listener(), ResourceType::listener, origin);
}

/// Puts every listener that did not come with the bootstrap where `place` says.
template <class Place>
void add_states(const Listeners& listeners, const DumpContext& context,
                std::map<std::string, DynamicListener>& out, Place place) {
  for (const auto& listener : listeners) {
    if (listener->origin == nullptr || !context.wants(listener->name)) continue;
    set_listener(*place(out[listener->name]), *listener->origin);
  }
}

bool is_active(const config::ListenerConfig& listener, const DumpInput& input) {
  for (const auto& active : input.active_listeners)
    if (active.get() == &listener) return true;
  return false;
}

/// Its last good version, if that does not serve yet, and the last one that was refused.
void add_stored(const discovery::ResourceStore::Stored<config::ListenerConfig>& stored,
                const DumpInput& input, DynamicListener& out) {
  const bool refused = stored.error && stored.error->of_stored;
  if (stored.config != nullptr && stored.config->origin != nullptr && !refused &&
      !is_active(*stored.config, input))
    set_listener(*out.mutable_warming_state(), *stored.config->origin);
  if (stored.error) *out.mutable_error_state() = failure_of(*stored.error);
}

void add_failures(const DumpContext& context, ListenersConfigDump& dump) {
  for (const auto& [source, failure] : context.input.store.failures())
    if (source.first == ResourceType::listener && context.wants(""))
      *dump.add_dynamic_listeners()->mutable_error_state() = failure_of(failure);
}

}  // namespace

ListenersConfigDump dump_listeners(const DumpContext& context) {
  const DumpInput& input = context.input;
  ListenersConfigDump dump;
  dump.set_version_info(std::string(input.store.version(ResourceType::listener)));
  for (const auto& listener : context.bootstrap.static_resources().listeners()) {
    if (!context.wants(listener.name())) continue;
    auto& shown = *dump.add_static_listeners();
    shown.mutable_listener()->PackFrom(listener);
    *shown.mutable_last_updated() = timestamp_of(input.started);
  }
  std::map<std::string, DynamicListener> listeners;
  add_states(input.draining_listeners, context, listeners,
             [](DynamicListener& listener) { return listener.mutable_draining_state(); });
  add_states(input.active_listeners, context, listeners,
             [](DynamicListener& listener) { return listener.mutable_active_state(); });
  for (const auto& [name, stored] : input.store.listeners())
    if (context.wants(name)) add_stored(stored, input, listeners[name]);
  for (auto& [name, listener] : listeners) {
    listener.set_name(name);
    *dump.add_dynamic_listeners() = std::move(listener);
  }
  add_failures(context, dump);
  return dump;
}

}  // namespace weir::config_dump
