// SPDX-License-Identifier: Apache-2.0
// Builds ClientHellos, good and bad, byte by byte.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tls {

using Raw = std::string;  // bytes

inline Raw number(std::size_t value, std::size_t width) {
  Raw out(width, '\0');
  for (std::size_t i = 0; i < width; ++i)
    out[i] = static_cast<char>(value >> (8 * (width - 1 - i)));
  return out;
}
/// `bytes` behind their length.
inline Raw part(std::string_view bytes, std::size_t width) {
  return number(bytes.size(), width) + Raw(bytes);
}

inline Raw extension(std::uint16_t type, std::string_view body) {
  return number(type, 2) + part(body, 2);
}
inline Raw server_name(std::string_view name) {
  return extension(0, part(number(0, 1) + part(name, 2), 2));
}
inline Raw alpn(const std::vector<std::string>& names) {
  Raw list;
  for (const auto& name : names) list += part(name, 1);
  return extension(16, part(list, 2));
}

/// The fields of a ClientHello, with good values.
struct HelloBuilder {
  std::uint16_t version = 0x0303;
  Raw session_id = Raw(32, 's');
  Raw cipher_suites = Raw("\x13\x01\x13\x02", 4);
  Raw compression_methods = Raw(1, '\0');
  Raw extensions;
  bool with_extensions = true;
  Raw trailer;  // inside the message, behind the extensions

  [[nodiscard]] Raw body() const {
    Raw out = number(version, 2) + Raw(32, 'r') + part(session_id, 1) + part(cipher_suites, 2) +
              part(compression_methods, 1);
    if (with_extensions) out += part(extensions, 2);
    return out + trailer;
  }
  [[nodiscard]] Raw message() const { return number(1, 1) + part(body(), 3); }
};

inline Raw record(std::string_view payload, std::uint8_t type = 22,
                  std::uint16_t version = 0x0301) {
  return number(type, 1) + number(version, 2) + part(payload, 2);
}
/// `message` in records of at most `size` bytes of payload.
inline Raw records(std::string_view message, std::size_t size) {
  Raw out;
  for (std::size_t begin = 0; begin < message.size(); begin += size)
    out += record(message.substr(begin, size));
  return out;
}

inline Raw from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Raw out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return out;
}

}  // namespace weir::tls
