// SPDX-License-Identifier: Apache-2.0
// Chunked bodies: pieces of any size give the same body, the same trailers and the same end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/http1/chunk_decoder.hpp"

namespace {

using namespace weir::http;
using Step = ChunkDecoder::Step;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Decoded {
  std::string body;
  std::string trailers;
  Step last = Step::need_more;
  Http1Error error = Http1Error::none;
  std::size_t consumed = 0;
};

/// `cut(rest)`: the size of the next piece.
template <class Cut>
Decoded decode(std::string_view bytes, Cut&& cut) {
  ChunkDecoder decoder;
  Decoded out;
  while (out.consumed < bytes.size()) {
    const std::size_t rest = bytes.size() - out.consumed;
    const std::size_t size = std::clamp<std::size_t>(cut(rest), 1, rest);
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(out.consumed);
    const std::vector<char> piece(at, at + static_cast<std::ptrdiff_t>(size));
    std::string_view left(piece.data(), piece.size());
    while (!left.empty()) {
      const auto result = decoder.decode(left);
      out.last = result.step;
      if (result.step == Step::failed) {
        out.error = result.error;
        return out;
      }
      require(result.consumed > 0 && result.consumed <= left.size());
      require(result.piece.empty() == (result.step != Step::data));
      out.body += result.piece;
      left.remove_prefix(result.consumed);
      out.consumed += result.consumed;
      if (result.step == Step::need_more) require(left.empty());
      if (result.step == Step::trailers) {
        out.trailers = decoder.trailers();
        return out;
      }
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Decoded whole = decode(bytes, [](std::size_t rest) { return rest; });
  const Decoded single = decode(bytes, [](std::size_t) { return 1; });
  std::uint32_t state = static_cast<std::uint32_t>(data[0]) << 8 | data[1];
  const Decoded mixed = decode(bytes, [&](std::size_t) {
    state = state * 1103515245 + 12345;
    return state >> 16 & 31;
  });
  for (const Decoded* other : {&single, &mixed}) {
    require(other->body == whole.body && other->trailers == whole.trailers);
    require(other->error == whole.error);
    require((other->last == Step::trailers) == (whole.last == Step::trailers));
    if (whole.error == Http1Error::none) require(other->consumed == whole.consumed);
  }
  if (whole.last != Step::trailers) return 0;
  // The lines of the trailers are whole: they are accepted or refused, never waited for.
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  const auto parsed = parse_trailers(whole.trailers, {}, headers);
  require(parsed.status != HeadStatus::incomplete);
  if (parsed.status == HeadStatus::complete) require(parsed.consumed == whole.trailers.size());
  return 0;
}
