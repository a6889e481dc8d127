// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/grpc_health.hpp"

#include <cstdint>

namespace weir::upstream {
namespace {

constexpr std::size_t kPrefix = 5;  // a byte of flags and the length
enum WireType : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

bool skip(std::string_view& bytes, std::uint64_t size) {
  if (size > bytes.size()) return false;
  bytes.remove_prefix(size);
  return true;
}

bool skip_value(std::string_view& bytes, std::uint64_t type) {
  switch (type) {
    case kVarint:
      return take_varint(bytes).has_value();
    case kFixed64:
      return skip(bytes, 8);
    case kFixed32:
      return skip(bytes, 4);
    case kBytes: {
      const auto size = take_varint(bytes);
      return size && skip(bytes, *size);
    }
    default:
      return false;
  }
}

}  // namespace

std::string encode_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';  // field 1, bytes
    append_varint(message, service.size());
    message += service;
  }
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift);
  return out + message;
}

std::optional<std::uint64_t> decode_health_response(std::string_view body) {
  if (body.size() < kPrefix || body.front() != '\0') return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
  body.remove_prefix(kPrefix);
  if (body.size() < size) return std::nullopt;
  body = body.substr(0, size);
  std::uint64_t status = 0;
  while (!body.empty()) {
    const auto tag = take_varint(body);
    if (!tag) return std::nullopt;
    if (*tag == (1u << 3 | kVarint)) {
      const auto value = take_varint(body);
      if (!value) return std::nullopt;
      status = *value;
    } else if (!skip_value(body, *tag & 7)) {
      return std::nullopt;
    }
  }
  return status;
}

}  // namespace weir::upstream
