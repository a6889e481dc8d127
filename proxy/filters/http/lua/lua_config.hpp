// SPDX-License-Identifier: Apache-2.0
// What the Lua filter is, after parsing: texts that are known to load, no proto.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/config/filter_registry.hpp"

namespace envoy::extensions::filters::http::lua::v3 {
class Lua;
class LuaPerRoute;
}  // namespace envoy::extensions::filters::http::lua::v3
namespace weir::config {
class ParseContext;
}

namespace weir::filters {

/// A script as configured. Shared by all workers, each of which loads it for itself.
struct LuaSource {
  std::string name;  // in front of the line in errors
  std::string text;
};
using LuaSourcePtr = std::shared_ptr<const LuaSource>;

/// lua.v3.Lua.
struct LuaConfig {
  LuaSourcePtr script;                                     // default_source_code; may be null
  std::map<std::string, LuaSourcePtr, std::less<>> named;  // source_codes
  std::string stat_prefix;
  bool clear_route_cache = true;
};

/// lua.v3.LuaPerRoute: one of the first three, or none: the filter's own script.
struct LuaRouteConfig final : config::RouteFilterConfig {
  bool disabled = false;
  std::string name;  // of source_codes
  LuaSourcePtr script;
  std::string filter_context;  // JSON; "" = none
};

/// Report every problem through `context`, scripts that do not load included; the result is
/// meaningful only when there was none.
LuaConfig lua_from_proto(const envoy::extensions::filters::http::lua::v3::Lua& proto,
                         const config::ParseContext& context);
std::shared_ptr<const LuaRouteConfig> lua_route_from_proto(
    const envoy::extensions::filters::http::lua::v3::LuaPerRoute& proto,
    const config::ParseContext& context);

}  // namespace weir::filters
