// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/escape.hpp"

namespace weir::access_log {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_hex(unsigned char byte, std::string& out) {
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
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

}  // namespace weir::access_log
