// SPDX-License-Identifier: Apache-2.0
// LuaExecution: one function of a script at work on one direction of one stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/lua/objects.hpp"
#include "proxy/filters/http/lua/script.hpp"

namespace weir::filters {

class LuaStreamFilter;

/// What a script has answered with respond().
struct LuaAnswer {
  std::uint16_t status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Starts the function with the headers and goes on with it as what it waits for arrives. Between
/// start() and end(), the functions that the script calls work on this.
class LuaExecution final : public CallHandler {
 public:
  enum class Wait : std::uint8_t { none, body, chunk, trailers, call, answered };

  LuaExecution(LuaStreamFilter& filter, bool request) : filter_(filter), request_(request) {}
  LuaExecution(const LuaExecution&) = delete;
  LuaExecution& operator=(const LuaExecution&) = delete;

  // The callbacks of HttpFilter in this direction.
  FilterStatus start(LuaScript& script, http::HeaderMap& headers, bool end_of_stream);
  FilterStatus on_data(BodyPiece& piece, bool end_of_stream);
  FilterStatus on_trailers(http::HeaderMap& trailers);
  /// Cancels what is under way.
  void end();

  void on_call_done(CallResponse&& response) override;

  // For the functions that the script calls.
  [[nodiscard]] bool is_request() const noexcept { return request_; }
  [[nodiscard]] HttpStream& stream() const noexcept;
  [[nodiscard]] LuaStreamFilter& filter() const noexcept { return filter_; }
  [[nodiscard]] lua::State& script_state() const noexcept { return script_->state(); }
  [[nodiscard]] LuaCoroutine& coroutine() const noexcept { return *coroutine_; }
  [[nodiscard]] http::HeaderMap* headers(LuaPart part) const noexcept {
    return part == LuaPart::headers ? headers_ : trailers_;
  }
  /// The piece that body() or bodyChunks() show; nullptr when nothing is at hand.
  [[nodiscard]] BodyPiece* piece() const noexcept { return piece_; }
  [[nodiscard]] bool headers_gone() const noexcept { return headers_gone_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] bool saw_body() const noexcept { return saw_body_; }
  [[nodiscard]] bool holds_body() const noexcept { return holds_body_; }
  /// The request headers were changed.
  void headers_changed();
  /// Bytes that the script puts into memory that its state does not count.
  void charge_stream(lua_State* L, std::size_t bytes);
  [[nodiscard]] bool& iterating(LuaPart part) noexcept {
    return part == LuaPart::headers ? iterating_headers_ : iterating_trailers_;
  }

  // What a function that yields waits for. Raise an error when `L` is a coroutine of the script's.
  int wait_for_body(lua_State* L, bool always_wrap);
  int wait_for(lua_State* L, Wait wait);
  int answer(lua_State* L, LuaAnswer answer);
  int call(lua_State* L, CallRequest request, bool duplicate_headers);
  /// Pushes the whole body, or nothing. @return how many values
  int push_body(lua_State* L, bool always_wrap);

 private:
  void run(int arguments);
  void fail(std::string_view message);
  void forget_coroutine(bool reusable);
  FilterStatus status_after_run(bool with_headers);
  FilterStatus give_answer();
  void go_on_after_call();
  bool await_body();
  void run_with_response(const CallResponse& response);
  void check_may_wait(lua_State* L) const;
  bool push_call_response(const CallResponse& response);

  LuaStreamFilter& filter_;
  LuaScript* script_ = nullptr;
  LuaCoroutine* coroutine_ = nullptr;
  http::HeaderMap* headers_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;
  BodyPiece* piece_ = nullptr;
  std::unique_ptr<LuaAnswer> answer_;
  std::unique_ptr<CallResponse> response_;  // until the body is shown again
  std::uint64_t call_ticket_ = 0;
  std::size_t charged_ = 0;
  const bool request_;
  Wait wait_ = Wait::none;
  bool ended_ = false;  // nothing comes after what was seen
  bool headers_gone_ = false;
  bool saw_body_ = false;
  bool holds_body_ = false;  // body(): the whole of it is here
  bool always_wrap_ = false;
  bool duplicate_headers_ = false;
  bool iterating_headers_ = false;
  bool iterating_trailers_ = false;
};

}  // namespace weir::filters
