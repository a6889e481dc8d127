// SPDX-License-Identifier: Apache-2.0
// Any changes of a HeaderMap leave what a plain list has after them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/unit/http/header_model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 3000) return 0;
  weir::http::HeaderModelPair pair;
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    pair.step(data[i], data[i + 1], data[i + 2] | static_cast<std::uint32_t>(data[i] & 0x80) << 1);
    if (!pair.difference().empty()) std::abort();
  }
  return 0;
}
