// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/lua/lua_config.hpp"

#include "envoy/extensions/filters/http/lua/v3/lua.pb.h"
#include "proxy/config/data_source.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/config/struct_json.hpp"
#include "proxy/lua/state.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using envoy::config::core::v3::DataSource;
using envoy::extensions::filters::http::lua::v3::Lua;
using envoy::extensions::filters::http::lua::v3::LuaPerRoute;

LuaSourcePtr source_from_text(std::string text, std::string name, const ParseContext& context) {
  lua::State state;  // each worker runs it again, in its own
  if (const auto loaded = state.load(text, name); !loaded) context.error(loaded.error().message);
  return std::make_shared<const LuaSource>(LuaSource{std::move(name), std::move(text)});
}

LuaSourcePtr source_from_proto(const DataSource& proto, std::string_view field,
                               const ParseContext& context) {
  auto text = config::read_data_source(proto, context);
  if (!text) return nullptr;
  // In errors, a file is more help than the field that names it.
  std::string name =
      proto.specifier_case() == DataSource::kFilename ? proto.filename() : std::string(field);
  return source_from_text(*std::move(text), std::move(name), context);
}

}  // namespace

LuaConfig lua_from_proto(const Lua& proto, const ParseContext& context) {
  LuaConfig config;
  config.stat_prefix = proto.stat_prefix();
  if (proto.has_clear_route_cache()) config.clear_route_cache = proto.clear_route_cache().value();
  if (!proto.inline_code().empty()) {
    const ParseContext field = context.field("inline_code");
    if (proto.has_default_source_code())
      field.error("Error: Only one of `inline_code` or `default_source_code` can be set");
    config.script = source_from_text(proto.inline_code(), "inline_code", field);
  } else if (proto.has_default_source_code()) {
    config.script = source_from_proto(proto.default_source_code(), "default_source_code",
                                      context.field("default_source_code"));
  }
  const ParseContext codes = context.field("source_codes");
  for (const auto& [name, source] : proto.source_codes())
    config.named.emplace(name, source_from_proto(source, name, codes.field(name)));
  return config;
}

std::shared_ptr<const LuaRouteConfig> lua_route_from_proto(const LuaPerRoute& proto,
                                                           const ParseContext& context) {
  auto config = std::make_shared<LuaRouteConfig>();
  switch (proto.override_case()) {
    case LuaPerRoute::kDisabled:
      if (!proto.disabled()) context.field("disabled").error("must be true");
      config->disabled = true;
      break;
    case LuaPerRoute::kName:
      if (proto.name().empty()) context.field("name").error("must have at least 1 character");
      config->name = proto.name();
      break;
    case LuaPerRoute::kSourceCode:
      config->script =
          source_from_proto(proto.source_code(), "source_code", context.field("source_code"));
      break;
    case LuaPerRoute::OVERRIDE_NOT_SET:
      break;  // with a context for the filter's own script, perhaps
  }
  if (proto.has_filter_context())
    config::append_json(proto.filter_context(), config->filter_context);
  return config;
}

}  // namespace weir::filters
