// SPDX-License-Identifier: Apache-2.0
// LuaHarness: the Lua filter with one script, on as many fake streams as a test wants.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/filters/http/lua/lua_filter.hpp"
#include "tests/unit/filters/fake_http_stream.hpp"

namespace weir::filters {

inline LuaSourcePtr lua_source(std::string_view text, std::string_view name = "test.lua") {
  return std::make_shared<const LuaSource>(LuaSource{std::string(name), std::string(text)});
}

struct LuaHarness {
  explicit LuaHarness(std::string_view script) { config.script = lua_source(script); }

  LuaConfig config;
  FakeWorker worker;
  stats::Counter executions;
  stats::Counter errors;
  LuaInstance instance{config, "lua", worker.context, executions, errors};

  /// A stream with the filter.
  std::unique_ptr<FakeHttpStream> stream() {
    auto made = std::make_unique<FakeHttpStream>(worker);
    made->clusters = {"auth"};
    made->use(instance);
    return made;
  }
  /// One GET through the script, before its end.
  std::unique_ptr<FakeHttpStream> get(const HeaderPairs& more = {}) {
    auto made = stream();
    made->get("/", more);
    return made;
  }
};

/// The value of a header that is there once; "(none)" without.
inline std::string value_of(const http::HeaderMap& headers, std::string_view name) {
  const http::HeaderField* const field = headers.find(name);
  return field == nullptr ? "(none)" : std::string(field->value);
}

}  // namespace weir::filters
