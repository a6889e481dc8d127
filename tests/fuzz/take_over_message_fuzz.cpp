// SPDX-License-Identifier: Apache-2.0
// What another proxy says when sockets change hands: any bytes. What is understood is written as it
// was read, but for addresses and numbers that can be spelled in several ways.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/server/take_over_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::server;
  const auto message = read_message({reinterpret_cast<const char*>(data), size});
  if (!message) {
    if (message.error().message.empty()) std::abort();
    return 0;
  }
  if (message->sockets.size() > kMostSocketsInMessage) std::abort();
  const std::string text = write_message(*message);
  if (text.size() > kLargestTakeOverMessage) std::abort();
  const auto again = read_message(text);
  if (!again || !(*again == *message)) std::abort();
  return 0;
}
