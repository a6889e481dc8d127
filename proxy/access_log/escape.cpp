// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/escape.hpp"

#include "common/plain_text.hpp"

namespace weir::access_log {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_hex(unsigned char byte, std::string& out) {
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

}  // namespace

void append_escaped_text(std::string_view value, std::string& out) {
  for (;;) {
    const std::size_t plain = plain_prefix(value);
    out.append(value.data(), plain);
    if (plain == value.size()) return;
    out += "\\x";
    append_hex(static_cast<unsigned char>(value[plain]), out);
    value.remove_prefix(plain + 1);
  }
}

}  // namespace weir::access_log
