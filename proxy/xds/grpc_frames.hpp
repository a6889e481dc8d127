// SPDX-License-Identifier: Apache-2.0
// gRPC's framing: messages with a prefix of five bytes in a stream of bytes, and how a call ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace weir::xds {

/// A flag (compressed) and the length, big endian.
inline constexpr std::size_t kGrpcPrefix = 5;
/// Control planes send large meshes in one message; Envoy takes them, too.
inline constexpr std::size_t kMostMessage = std::size_t{64} * 1024 * 1024;

/// The prefix of a message of `size` bytes, which is not compressed.
std::string grpc_prefix(std::size_t size);

/// Takes messages apart. What it holds grows with what has arrived, not with what was announced.
class GrpcDecoder {
 public:
  explicit GrpcDecoder(std::size_t most = kMostMessage) : most_(most) {}

  /// Appends the messages that are complete. Error: nothing can be read any more.
  Result<void> feed(std::string_view bytes, std::vector<std::string>& messages);
  /// Nothing of a message is left over.
  [[nodiscard]] bool at_rest() const noexcept { return prefix_.empty(); }

 private:
  Result<void> read_prefix();
  void take(std::string_view& bytes, std::string& to, std::size_t size);

  std::size_t most_;
  std::string prefix_;
  std::string message_;
  std::size_t size_ = 0;  // of the message, once the prefix is whole
};

/// grpc-message: percent-decoded, printable, not longer than a line of a log should be.
std::string decode_grpc_message(std::string_view text);

}  // namespace weir::xds
