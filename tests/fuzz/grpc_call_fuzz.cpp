// SPDX-License-Identifier: Apache-2.0
// What comes back on a connection to a control plane: HTTP/2 with gRPC in it, or anything. The
// messages and the end do not depend on how the bytes are cut.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/xds/grpc_call.hpp"
#include "proxy/xds/grpc_frames.hpp"

namespace {

using namespace weir::xds;

constexpr std::size_t kMost = 1000;
const GrpcCall::TimePoint kNow{std::chrono::hours(1)};

struct Outcome {
  std::vector<std::string> messages;
  int status = -1;
  bool operator==(const Outcome&) const = default;
};

Outcome call(std::string_view bytes, std::size_t piece) {
  GrpcCall call({"/a.B/C", "c", {}, kMost}, {});
  call.send("request");
  Outcome outcome;
  static_cast<void>(call.output(kNow));
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    call.receive(bytes.substr(0, piece), kNow);
    while (auto message = call.next_message()) {
      if (message->size() > kMost) std::abort();
      outcome.messages.push_back(*std::move(message));
    }
    if (call.end()) break;
  }
  static_cast<void>(call.output(kNow));
  if (call.end()) outcome.status = call.end()->status;
  return outcome;
}

std::vector<std::string> decode(std::string_view bytes, std::size_t piece) {
  GrpcDecoder decoder(kMost);
  std::vector<std::string> messages;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    if (!decoder.feed(bytes.substr(0, piece), messages)) break;
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[0] + std::size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  if ((data[1] & 1) != 0) {
    if (decode(bytes, piece) != decode(bytes, bytes.size() + 1)) std::abort();
    if (decode_grpc_message(bytes).size() > 1024) std::abort();
  } else if (call(bytes, piece).messages != call(bytes, bytes.size() + 1).messages) {
    std::abort();
  }
  return 0;
}
