// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"

#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

#include "common/plain_text.hpp"

namespace weir {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629 §4), 0 when it is not
/// one.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  // The second byte carries the limits that exclude overlong forms, surrogates and values past
  // U+10FFFF.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  return length;
}

void append_ascii(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (byte < 0x20 || byte == 0x7f) {
    out += "\\u00";
    out += kHex[byte >> 4];
    out += kHex[byte & 0xf];
  } else {
    out += c;
  }
}

}  // namespace

void append_json_number(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number);
  out.append(text, end.ptr);
}

void append_escaped_json(std::string_view value, std::string& out) {
  for (;;) {
    const std::size_t plain = plain_prefix(value);
    out.append(value.data(), plain);
    value.remove_prefix(plain);
    if (value.empty()) return;
    const std::size_t length = utf8_length(value);
    if (length == 0)
      out += "\\ufffd";
    else if (length == 1)
      append_ascii(value.front(), out);
    else
      out += value.substr(0, length);
    value.remove_prefix(length == 0 ? 1 : length);
  }
}

void JsonWriter::new_line() {
  out_ += '\n';
  out_.append(depth_, ' ');
}

void JsonWriter::before_value() {
  if (std::exchange(after_key_, false)) return;
  if (depth_ == 0) return;
  if (!std::exchange(first_, false)) out_ += ',';
  new_line();
}

JsonWriter& JsonWriter::open(char bracket) {
  before_value();
  out_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  assert(depth_ > 0 && !after_key_);
  --depth_;
  if (!std::exchange(first_, false)) new_line();
  out_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  assert(!after_key_);
  before_value();
  out_ += '"';
  append_escaped_json(name, out_);
  out_ += "\": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  before_value();
  out_ += '"';
  append_escaped_json(value, out_);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::scalar(std::string_view text) {
  before_value();
  out_ += text;
  return *this;
}

std::string JsonWriter::take() {
  assert(depth_ == 0);
  out_ += '\n';
  return std::move(out_);
}

}  // namespace weir
