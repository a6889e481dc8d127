// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/lua/lua_filter.hpp"

#include <algorithm>

#include "common/log.hpp"

namespace weir::filters {

std::unique_ptr<HttpFilterInstance> LuaFilter::instantiate(HttpInstanceContext& context) const {
  const std::string prefix =
      config_.stat_prefix.empty() ? "lua." : "lua." + config_.stat_prefix + ".";
  const auto counter = [&](const char* name) -> stats::Counter& {
    const std::string field = prefix + name;
    return context.network.stats.counter({"http", context.stat_prefix, field},
                                         context.network.worker.worker);
  };
  return std::make_unique<LuaInstance>(config_, context.name, context.network.worker,
                                       counter("executions"), counter("errors"));
}

HttpFilter* LuaInstance::make(HttpStream& stream) {
  return stream.arena().make<LuaStreamFilter>(*this, stream);
}

LuaScript* LuaInstance::script_for(const LuaRouteConfig* route) {
  if (route == nullptr) return load(config_.script);
  if (route->disabled) return nullptr;
  if (route->script != nullptr) return load(route->script);
  if (route->name.empty()) return load(config_.script);
  const auto named = config_.named.find(route->name);
  return named == config_.named.end() ? nullptr : load(named->second);
}

LuaScript* LuaInstance::load(const LuaSourcePtr& source) {
  if (source == nullptr) return nullptr;
  if (const auto found = scripts_.find(source.get()); found != scripts_.end())
    return found->second.script.get();
  drop_unused();
  auto script = LuaScript::create(source->text, source->name, limits_);
  if (!script) script_failed(script.error().message);
  Loaded& loaded = scripts_[source.get()];
  loaded = {source, script ? *std::move(script) : nullptr};
  return loaded.script.get();
}

void LuaInstance::drop_unused() {
  // Scripts of routes that are no longer configured: nobody but us knows them.
  std::erase_if(scripts_, [](const auto& entry) {
    const Loaded& loaded = entry.second;
    return loaded.source.use_count() == 1 &&
           (loaded.script == nullptr || loaded.script->in_use() == 0);
  });
}

void LuaInstance::script_failed(std::string_view message) {
  errors_.add();
  const int held_back = log_limit_.admit(worker_.loop.now());
  if (held_back < 0) return;
  if (held_back > 0)
    log::error(log::Component::lua, "script log: {} ({} more errors were not logged)", message,
               held_back);
  else
    log::error(log::Component::lua, "script log: {}", message);
}

std::size_t LuaInstance::used() const {
  std::size_t bytes = 0;
  for (const auto& [source, loaded] : scripts_)
    if (loaded.script != nullptr) bytes += loaded.script->state().used();
  return bytes;
}

FilterStatus LuaStreamFilter::on_request_headers(http::HeaderMap& headers, bool end_of_stream) {
  LuaScript* const script = instance_.script_for(instance_.route_config(stream_));
  if (script == nullptr || !script->has_request()) return FilterStatus::go_on;
  return request_.start(*script, headers, end_of_stream);
}

FilterStatus LuaStreamFilter::on_response_headers(http::HeaderMap& headers, bool end_of_stream) {
  LuaScript* const script = instance_.script_for(instance_.route_config(stream_));
  if (script == nullptr || !script->has_response()) return FilterStatus::go_on;
  response_.end();  // of a response that never got out
  return response_.start(*script, headers, end_of_stream);
}

void LuaStreamFilter::on_end() {
  request_.end();
  response_.end();
}

void LuaStreamFilter::note_string(std::string_view space, std::string_view key, bool looks_else) {
  std::erase_if(strings_,
                [&](const auto& entry) { return entry.first == space && entry.second == key; });
  if (looks_else) strings_.emplace_back(space, key);
}

bool LuaStreamFilter::is_string(std::string_view space, std::string_view key) const {
  return std::any_of(strings_.begin(), strings_.end(), [&](const auto& entry) {
    return entry.first == space && entry.second == key;
  });
}

}  // namespace weir::filters
