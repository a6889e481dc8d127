// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/lua/execution.hpp"

#include "proxy/filters/http/lua/lua_filter.hpp"

namespace weir::filters {
namespace {

// Header values, replies and metadata that one direction of a stream may write: they live in the
// stream, not in the script's state.
constexpr std::size_t kMostWritten = std::size_t{4} << 20;

}  // namespace

HttpStream& LuaExecution::stream() const noexcept { return filter_.stream(); }

FilterStatus LuaExecution::start(LuaScript& script, http::HeaderMap& headers, bool end_of_stream) {
  script_ = &script;
  headers_ = &headers;
  ended_ = end_of_stream;
  filter_.instance().count_execution();
  coroutine_ = script.begin(*this, request_);
  run(1);
  return status_after_run(true);
}

FilterStatus LuaExecution::on_data(BodyPiece& piece, bool end_of_stream) {
  if (wait_ == Wait::none) return FilterStatus::go_on;
  trailers_ = request_ ? stream().request_trailers() : stream().response_trailers();
  if (end_of_stream && trailers_ == nullptr) ended_ = true;
  const bool complete = end_of_stream || trailers_ != nullptr;
  saw_body_ = true;
  piece_ = &piece;
  if (wait_ == Wait::call && response_ != nullptr) {
    run_with_response(*std::unique_ptr<CallResponse>(std::move(response_)));
  } else if (wait_ == Wait::chunk) {
    push_lua_object(coroutine_->thread, *coroutine_, LuaKind::buffer);
    run(1);
  } else if (wait_ == Wait::body && complete) {
    holds_body_ = true;
    run(push_body(coroutine_->thread, always_wrap_));
  } else if (wait_ == Wait::trailers && ended_) {
    lua_pushnil(coroutine_->thread);
    run(1);
  }
  piece_ = nullptr;
  return status_after_run(false);
}

FilterStatus LuaExecution::on_trailers(http::HeaderMap& trailers) {
  ended_ = true;
  trailers_ = &trailers;
  if (wait_ == Wait::none) return FilterStatus::go_on;
  if (wait_ == Wait::trailers) {
    push_lua_object(coroutine_->thread, *coroutine_, LuaKind::headers, LuaPart::trailers);
  } else {
    lua_pushnil(coroutine_->thread);  // no more chunks, or no body
  }
  run(1);
  return status_after_run(false);
}

void LuaExecution::end() {
  if (call_ticket_ != 0) stream().cancel_call(call_ticket_);
  call_ticket_ = 0;
  wait_ = Wait::none;
  if (coroutine_ != nullptr) forget_coroutine(false);
  answer_.reset();
  response_.reset();
}

void LuaExecution::forget_coroutine(bool reusable) {
  script_->finish(*std::exchange(coroutine_, nullptr), reusable);
}

void LuaExecution::run(int arguments) {
  wait_ = Wait::none;
  const int status = script_->state().resume(coroutine_->thread, arguments);
  iterating_headers_ = iterating_trailers_ = false;  // iterators do not outlive a yield
  if (status == LUA_YIELD && wait_ != Wait::none) {
    lua_settop(coroutine_->thread, 0);
    script_->next_epoch(*coroutine_);
    return;
  }
  if (status == LUA_YIELD)
    fail("script performed an unexpected yield");
  else if (status != 0)
    fail(lua::State::take_error(coroutine_->thread));
  else
    forget_coroutine(true);
  wait_ = Wait::none;
}

void LuaExecution::fail(std::string_view message) {
  filter_.instance().script_failed(message);
  forget_coroutine(false);
}

FilterStatus LuaExecution::give_answer() {
  const std::unique_ptr<LuaAnswer> answer = std::move(answer_);
  LocalReply reply;
  reply.status = answer->status;
  reply.body = answer->body;
  reply.details = "lua_response";
  reply.headers = answer->headers;
  // The script ends here, and so do we, perhaps, before reply() returns.
  wait_ = Wait::none;
  forget_coroutine(false);
  stream().reply(reply);
  return FilterStatus::ended;
}

FilterStatus LuaExecution::status_after_run(bool with_headers) {
  switch (wait_) {
    case Wait::answered:
      return give_answer();
    case Wait::body:
      return with_headers ? FilterStatus::need_body : FilterStatus::go_on;
    case Wait::call:
      return FilterStatus::pause;
    case Wait::none:
    case Wait::chunk:
    case Wait::trailers:
      break;
  }
  headers_gone_ = true;
  return FilterStatus::go_on;
}

void LuaExecution::on_call_done(CallResponse&& response) {
  call_ticket_ = 0;
  if (wait_ != Wait::call) return;
  if (holds_body_) {  // the script may still read and replace it: have it shown again
    response_ = std::make_unique<CallResponse>(std::move(response));
    if (await_body()) return;
    response = std::move(*std::exchange(response_, nullptr));
  }
  run_with_response(response);
  go_on_after_call();
}

bool LuaExecution::await_body() {
  return request_ ? stream().await_request_body(filter_) : stream().await_response_body(filter_);
}

void LuaExecution::run_with_response(const CallResponse& response) {
  if (push_call_response(response)) return run(2);
  fail("httpCall(): the response does not fit into the memory of the script");
  wait_ = Wait::none;
}

void LuaExecution::go_on_after_call() {
  if (wait_ == Wait::call) return;
  if (wait_ == Wait::answered) {
    give_answer();
    return;
  }
  if (wait_ == Wait::body) {
    if (await_body()) return;
    fail("body(): cannot be read after httpCall() here");
    wait_ = Wait::none;
  }
  headers_gone_ = true;
  request_ ? stream().resume_request(filter_) : stream().resume_response(filter_);
}

bool LuaExecution::push_call_response(const CallResponse& response) {
  std::size_t bytes = response.body.size();
  for (const auto& [name, value] : response.headers) bytes += name.size() + value.size() + 64;
  const lua::State& state = script_->state();
  if (state.used() + bytes > state.limits().memory) return false;
  lua_State* const L = coroutine_->thread;
  lua_createtable(L, 0, static_cast<int>(response.headers.size()));
  for (const auto& [name, value] : response.headers) {
    lua_pushlstring(L, name.data(), name.size());
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (!duplicate_headers_ || lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushlstring(L, value.data(), value.size());
      lua_rawset(L, -3);
      continue;
    }
    if (!lua_istable(L, -1)) {  // the second value: a list of both
      lua_createtable(L, 2, 0);
      lua_insert(L, -2);
      lua_rawseti(L, -2, 1);
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, -5);
    }
    lua_pushlstring(L, value.data(), value.size());
    lua_rawseti(L, -2, static_cast<int>(lua_objlen(L, -2)) + 1);
    lua_pop(L, 2);
  }
  if (!response.arrived && response.body.empty())
    lua_pushliteral(L, "upstream failure");
  else if (response.body.empty())
    lua_pushnil(L);
  else
    lua_pushlstring(L, response.body.data(), response.body.size());
  return true;
}

void LuaExecution::headers_changed() {
  if (request_ && filter_.instance().clears_route()) stream().clear_route();
}

void LuaExecution::charge_stream(lua_State* L, std::size_t bytes) {
  charged_ += bytes;
  if (charged_ > kMostWritten)
    luaL_error(L, "the script writes more than %d MiB of headers, replies and metadata",
               static_cast<int>(kMostWritten >> 20));
  script_->state().charge(L, bytes / 16);
}

void LuaExecution::check_may_wait(lua_State* L) const {
  if (L != coroutine_->thread || lua_isyieldable(L) == 0)
    luaL_error(L, "cannot wait here: inside a coroutine or a function that the library calls");
}

int LuaExecution::wait_for(lua_State* L, Wait wait) {
  check_may_wait(L);
  wait_ = wait;
  return lua_yield(L, 0);
}

int LuaExecution::wait_for_body(lua_State* L, bool always_wrap) {
  always_wrap_ = always_wrap;
  return wait_for(L, Wait::body);
}

int LuaExecution::push_body(lua_State* L, bool always_wrap) {
  if (piece_ == nullptr || (piece_->bytes.empty() && !always_wrap))
    lua_pushnil(L);
  else
    push_lua_object(L, *coroutine_, LuaKind::buffer);
  return 1;
}

int LuaExecution::answer(lua_State* L, LuaAnswer answer) {
  check_may_wait(L);
  answer_ = std::make_unique<LuaAnswer>(std::move(answer));
  return wait_for(L, Wait::answered);
}

int LuaExecution::call(lua_State* L, CallRequest request, bool duplicate_headers) {
  check_may_wait(L);
  duplicate_headers_ = duplicate_headers;
  call_ticket_ = stream().start_call(std::move(request), this);
  return wait_for(L, Wait::call);
}

}  // namespace weir::filters
