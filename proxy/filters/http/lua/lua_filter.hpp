// SPDX-License-Identifier: Apache-2.0
// The Lua HTTP filter: scripts that read and change requests and responses.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/lua/execution.hpp"
#include "proxy/filters/http/lua/lua_config.hpp"
#include "proxy/filters/http/lua/script.hpp"

namespace weir::filters {

/// envoy.filters.http.lua. Immutable, shared by all workers.
class LuaFilter final : public HttpFilterFactory {
 public:
  static constexpr std::string_view kName = "envoy.filters.http.lua";

  explicit LuaFilter(LuaConfig config) : config_(std::move(config)) {}

  [[nodiscard]] std::string_view name() const override { return kName; }
  [[nodiscard]] std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const override;

 private:
  const LuaConfig config_;
};

/// The filter on one worker: its scripts, each loaded when a stream first runs it.
class LuaInstance final : public HttpFilterInstance {
 public:
  LuaInstance(const LuaConfig& config, std::string_view filter_name, WorkerContext& worker,
              stats::Counter& executions, stats::Counter& errors)
      : config_(config),
        name_(filter_name),
        worker_(worker),
        executions_(executions),
        errors_(errors) {}

  HttpFilter* make(HttpStream& stream) override;

  /// The script that a stream's route wants; nullptr: none, or it cannot be loaded.
  LuaScript* script_for(const LuaRouteConfig* route);
  /// Of the stream's route, for this filter.
  [[nodiscard]] const LuaRouteConfig* route_config(HttpStream& stream) const {
    return static_cast<const LuaRouteConfig*>(stream.route_config(name_));
  }

  /// What the route configuration calls this filter.
  [[nodiscard]] std::string_view filter_name() const noexcept { return name_; }

  void count_execution() noexcept { executions_.add(); }
  /// Counts, and logs some.
  void script_failed(std::string_view message);
  [[nodiscard]] bool clears_route() const noexcept { return config_.clear_route_cache; }
  /// For scripts that are loaded from here on.
  void set_limits(const lua::Limits& limits) { limits_ = limits; }
  /// Memory of all scripts.
  [[nodiscard]] std::size_t used() const;

 private:
  struct Loaded {
    LuaSourcePtr source;
    std::unique_ptr<LuaScript> script;  // nullptr: it does not load
  };

  LuaScript* load(const LuaSourcePtr& source);
  void drop_unused();

  const LuaConfig& config_;
  const std::string name_;
  WorkerContext& worker_;
  stats::Counter& executions_;
  stats::Counter& errors_;
  EndLogLimit log_limit_;
  lua::Limits limits_;
  std::unordered_map<const LuaSource*, Loaded> scripts_;
};

/// The filter of one stream.
class LuaStreamFilter final : public HttpFilter {
 public:
  LuaStreamFilter(LuaInstance& instance, HttpStream& stream)
      : instance_(instance), stream_(stream), request_(*this, true), response_(*this, false) {}

  FilterStatus on_request_headers(http::HeaderMap& headers, bool end_of_stream) override;
  FilterStatus on_request_data(BodyPiece& piece, bool end_of_stream) override {
    return request_.on_data(piece, end_of_stream);
  }
  FilterStatus on_request_trailers(http::HeaderMap& trailers) override {
    return request_.on_trailers(trailers);
  }
  FilterStatus on_response_headers(http::HeaderMap& headers, bool end_of_stream) override;
  FilterStatus on_response_data(BodyPiece& piece, bool end_of_stream) override {
    return response_.on_data(piece, end_of_stream);
  }
  FilterStatus on_response_trailers(http::HeaderMap& trailers) override {
    return response_.on_trailers(trailers);
  }
  void on_end() override;

  [[nodiscard]] LuaInstance& instance() const noexcept { return instance_; }
  [[nodiscard]] HttpStream& stream() const noexcept { return stream_; }

  /// Dynamic metadata is text: these keys of it were set to strings that look like something else.
  void note_string(std::string_view space, std::string_view key, bool looks_else);
  [[nodiscard]] bool is_string(std::string_view space, std::string_view key) const;

 private:
  LuaInstance& instance_;
  HttpStream& stream_;
  LuaExecution request_;
  LuaExecution response_;
  std::vector<std::pair<std::string, std::string>> strings_;
};

}  // namespace weir::filters
