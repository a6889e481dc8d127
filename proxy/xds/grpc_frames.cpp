// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/grpc_frames.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace weir::xds {
namespace {

constexpr std::size_t kLongestText = 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string grpc_prefix(std::size_t size) {
  std::string prefix(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(size >> shift);
  return prefix;
}

Result<void> GrpcDecoder::read_prefix() {
  if (prefix_[0] != '\0')
    return Error{prefix_[0] == '\x01'
                     ? "gRPC message: compressed, which was not offered; switch compression off in "
                       "the control plane"
                     : "gRPC message: unknown flags; the peer speaks no gRPC"};
  size_ = 0;
  for (std::size_t i = 1; i < kGrpcPrefix; ++i)
    size_ = size_ << 8 | static_cast<unsigned char>(prefix_[i]);
  if (size_ > most_)
    return Error{"gRPC message of " + std::to_string(size_) + " bytes: more than " +
                 std::to_string(most_) + " are not taken; see max_receive_message_length"};
  return {};
}

void GrpcDecoder::take(std::string_view& bytes, std::string& to, std::size_t size) {
  const std::size_t wanted = std::min(bytes.size(), size - to.size());
  if (to.size() + wanted > to.capacity())
    to.reserve(std::min(size, std::max(to.size() + wanted, to.capacity() * 2)));
  to.append(bytes.substr(0, wanted));
  bytes.remove_prefix(wanted);
}

Result<void> GrpcDecoder::feed(std::string_view bytes, std::vector<std::string>& messages) {
  while (!bytes.empty()) {
    if (prefix_.size() < kGrpcPrefix) {
      take(bytes, prefix_, kGrpcPrefix);
      if (prefix_.size() < kGrpcPrefix) return {};
      TRY_VOID(read_prefix());
    }
    take(bytes, message_, size_);
    if (message_.size() < size_) return {};
    messages.push_back(std::exchange(message_, {}));
    prefix_.clear();
  }
  return {};
}

std::string decode_grpc_message(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size() && decoded.size() < kLongestText; ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    }
    decoded += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return decoded;
}

}  // namespace weir::xds
