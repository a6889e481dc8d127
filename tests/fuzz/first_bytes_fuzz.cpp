// SPDX-License-Identifier: Apache-2.0
// The first bytes of a connection: an answer, once given, stays right however much more arrives.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/http/first_bytes.hpp"

namespace {

using weir::http::classify_first_bytes;
using weir::http::FirstBytes;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const FirstBytes whole = classify_first_bytes(bytes);
  require(whole != FirstBytes::too_long || size >= weir::http::kMaxFirstBytes);
  for (std::size_t have = 0; have < std::min<std::size_t>(size, 200); ++have) {
    const FirstBytes early = classify_first_bytes(bytes.substr(0, have));
    require(early == FirstBytes::need_more || early == whole);
  }
  return 0;
}
