// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/escape.hpp"

#include <cstddef>
#include <cstdint>

namespace weir::access_log {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_hex(unsigned char byte, std::string& out) {
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/// Length of the well-formed UTF-8 sequence at the front (RFC 3629 §4), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !is_continuation(at(1))) return 0;
  if (first < 0xe0) return 2;
  if (!is_continuation(at(2))) return 0;
  // Overlong forms, surrogates and values past U+10FFFF show in the second byte.
  if (first == 0xe0 && at(1) < 0xa0) return 0;
  if (first == 0xed && at(1) > 0x9f) return 0;
  if (first < 0xf0) return 3;
  if (!is_continuation(at(3))) return 0;
  if (first == 0xf0 && at(1) < 0x90) return 0;
  if (first == 0xf4 && at(1) > 0x8f) return 0;
  return 4;
}

}  // namespace

void append_escaped_text(std::string_view value, std::string& out) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out += "\\x";
      append_hex(byte, out);
    }
  }
}

void append_escaped_json(std::string_view value, std::string& out) {
  while (!value.empty()) {
    const auto byte = static_cast<unsigned char>(value.front());
    const std::size_t length = utf8_length(value);
    if (length == 0) {
      out += "\\ufffd";
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += value.front();
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      append_hex(byte, out);
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
}

}  // namespace weir::access_log
