// SPDX-License-Identifier: Apache-2.0
// Any text as a script, on streams whose shape the first byte chooses: no crash, never for long,
// the message goes on or is answered, and a state that has failed works for the next stream.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "common/log.hpp"
#include "tests/unit/filters/lua_harness.hpp"

namespace {

using namespace weir;
using namespace weir::filters;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void answer_calls(FakeHttpStream& stream) {
  for (std::size_t i = 0; i < stream.calls.size() && i < 8; ++i)
    stream.finish_call(i, {i % 2 == 0, {{":status", "200"}, {"x", "1"}, {"x", "2"}}, "answer"});
}

void send(FakeHttpStream& stream, std::uint8_t shape, bool request) {
  const HeaderPairs headers = request ? HeaderPairs{{":method", "POST"},
                                                    {":path", "/a?b=c"},
                                                    {":authority", "www.example.com"},
                                                    {"x-dup", "1"},
                                                    {"x-dup", "2"}}
                                      : HeaderPairs{{":status", "200"}, {"server", "s"}};
  const auto data = [&](std::string_view bytes, bool end) {
    request ? stream.send_request_data(bytes, end) : stream.send_response_data(bytes, end);
  };
  const bool has_body = (shape & 1) != 0;
  const bool has_trailers = has_body && (shape & 2) != 0;
  request ? stream.send_request(headers, !has_body) : stream.send_response(headers, !has_body);
  if ((shape & 4) != 0) answer_calls(stream);
  if (has_body) {
    data("hello ", false);
    data("world", !has_trailers);
  }
  if (has_trailers)
    request ? stream.send_request_trailers({{"x-t", "1"}})
            : stream.send_response_trailers({{"x-t", "1"}});
  answer_calls(stream);
  answer_calls(stream);
}

void run_one(LuaHarness& lua, std::uint8_t shape) {
  auto stream = lua.stream();
  stream->notes.set("ns", "text", "value");
  stream->notes.set("ns", "json", "{\"a\":[1]}");
  send(*stream, shape, true);
  const bool waits = stream->request.paused || stream->request.collecting;
  require(waits || stream->over() || stream->request.headers_passed, "the request goes on");
  if (stream->over() || (shape & 8) != 0) return;  // or ends here, whatever the script waits for
  send(*stream, static_cast<std::uint8_t>(shape >> 4), false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const bool quiet = [] {
    weir::log::set_all_levels(weir::log::Level::off);
    return true;
  }();
  static_cast<void>(quiet);
  LuaHarness lua(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  lua.instance.set_limits(
      {std::size_t{2} << 20, 200'000, std::chrono::milliseconds(200), std::size_t{64} << 20});
  for (int i = 0; i < 3; ++i) run_one(lua, data[0]);
  require(lua.instance.used() <= (std::size_t{3} << 20), "the memory is bounded");
  return 0;
}
