// SPDX-License-Identifier: Apache-2.0
// HTTP/2 frames written and read by hand, so that tests can send what no library would.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http::raw {

enum Type : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
  kUnknown = 0x63,
};
enum Flag : std::uint8_t {
  kNone = 0,
  kEndStream = 1,
  kAck = 1,
  kEndHeaders = 4,
  kPadded = 8,
  kPrioritised = 0x20,
};

inline constexpr std::string_view kMagic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string number(std::uint64_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
  return text;
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload = {}) {
  return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         number(stream, 4) + std::string(payload);
}

/// HPACK: a literal without indexing, without Huffman.
inline std::string literal(std::string_view name, std::string_view value) {
  const auto text = [](std::string_view part) {
    std::string coded;
    if (part.size() < 127) {
      coded += static_cast<char>(part.size());
    } else {
      coded += '\x7f';
      std::size_t rest = part.size() - 127;
      for (; rest >= 128; rest /= 128) coded += static_cast<char>(rest % 128 + 128);
      coded += static_cast<char>(rest);
    }
    return coded.append(part);
  };
  return std::string(1, '\0') + text(name) + text(value);
}

using Fields = std::vector<std::pair<std::string, std::string>>;
inline std::string block(const Fields& fields) {
  std::string all;
  for (const auto& [name, value] : fields) all += literal(name, value);
  return all;
}
inline std::string headers(std::uint32_t stream, const Fields& fields,
                           std::uint8_t flags = kEndHeaders | kEndStream) {
  return frame(kHeaders, flags, stream, block(fields));
}

inline Fields get() {
  return {{":method", "GET"}, {":scheme", "http"}, {":authority", "weir.test"}, {":path", "/"}};
}
inline Fields with(Fields fields, std::string name, std::string value) {
  fields.emplace_back(std::move(name), std::move(value));
  return fields;
}

inline std::string settings(
    std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries = {}) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += number(id, 2) + number(value, 4);
  return frame(kSettings, kNone, 0, payload);
}
inline std::string window_update(std::uint32_t stream, std::uint32_t increment) {
  return frame(kWindowUpdate, kNone, stream, number(increment, 4));
}
inline std::string rst_stream(std::uint32_t stream, std::uint32_t code) {
  return frame(kRstStream, kNone, stream, number(code, 4));
}

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::uint32_t read_number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

inline std::vector<Frame> parse(std::string_view bytes) {
  if (bytes.starts_with(kMagic)) bytes.remove_prefix(kMagic.size());
  std::vector<Frame> frames;
  while (bytes.size() >= 9) {
    const std::size_t size = read_number(bytes.substr(0, 3));
    frames.push_back({static_cast<std::uint8_t>(bytes[3]), static_cast<std::uint8_t>(bytes[4]),
                      read_number(bytes.substr(5, 4)) & 0x7fffffff,
                      std::string(bytes.substr(9, size))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return frames;
}

}  // namespace weir::http::raw
