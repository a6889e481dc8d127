// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/scalar_values.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace weir::config {
namespace {

template <class T>
std::optional<T> parse_whole(std::string_view text, int base = 10) {
  T value{};
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, base);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

/// "0x1f" and "017", as C writes them.
template <class T>
std::optional<Scalar<T>> parse_other_base(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return std::nullopt;
  const bool hex = text[1] == 'x' || text[1] == 'X';
  const auto value = parse_whole<T>(text.substr(hex ? 2 : 1), hex ? 16 : 8);
  if (!value || text[hex ? 2 : 1] == '-') return std::nullopt;
  return Scalar<T>{*value, "read as " + std::to_string(*value) + "; write the decimal number"};
}

/// "1e3" and "80.0" are integers too, as long as a double holds them exactly.
template <class T>
std::optional<Scalar<T>> parse_integral_float(std::string_view text) {
  if (text.find_first_of(".eE") == std::string_view::npos) return std::nullopt;
  const auto value = parse_double(text);
  constexpr double kExact = 9007199254740992.0;
  if (!value || std::abs(*value) > kExact || std::trunc(*value) != *value) return std::nullopt;
  if (std::is_unsigned_v<T> && *value < 0) return std::nullopt;
  return Scalar<T>{static_cast<T>(*value), ""};
}

template <class T>
std::optional<Scalar<T>> parse_integer(std::string_view text, bool quoted) {
  if (!quoted)
    if (auto other = parse_other_base<T>(text)) return other;
  if (text.starts_with('+')) text.remove_prefix(1);
  if (const auto value = parse_whole<T>(text)) return Scalar<T>{*value, ""};
  return parse_integral_float<T>(text);
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// Length of the sequence that starts with `lead`, and the smallest rune that needs it. 0 = no lead
/// byte.
std::pair<int, unsigned> utf8_shape(unsigned char lead) {
  if (lead < 0x80) return {1, 0};
  if (lead >= 0xC2 && lead < 0xE0) return {2, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x800};
  if (lead >= 0xF0 && lead < 0xF5) return {4, 0x10000};
  return {0, 0};
}

}  // namespace

std::optional<Scalar<std::int64_t>> parse_signed(std::string_view text, bool quoted) {
  return parse_integer<std::int64_t>(text, quoted);
}

std::optional<Scalar<std::uint64_t>> parse_unsigned(std::string_view text, bool quoted) {
  return parse_integer<std::uint64_t>(text, quoted);
}

std::optional<double> parse_double(std::string_view text) {
  if (text == "Infinity" || text == ".inf") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity" || text == "-.inf") return -std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == ".nan") return std::numeric_limits<double>::quiet_NaN();
  // from_chars also takes "inf" and "nan", which the mapping does not.
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return std::nullopt;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

std::optional<Scalar<bool>> parse_bool(std::string_view text, bool quoted) {
  if (text == "true" || text == "false")
    return Scalar<bool>{text == "true", quoted ? "write it without quotes" : ""};
  if (quoted) return std::nullopt;
  constexpr std::array<std::string_view, 10> kTrue{"True", "TRUE", "yes", "Yes", "YES",
                                                   "on",   "On",   "ON",  "y",   "Y"};
  constexpr std::array<std::string_view, 10> kFalse{"False", "FALSE", "no",  "No", "NO",
                                                    "off",   "Off",   "OFF", "n",  "N"};
  for (const std::string_view word : kTrue)
    if (text == word) return Scalar<bool>{true, "read as true; write true"};
  for (const std::string_view word : kFalse)
    if (text == word) return Scalar<bool>{false, "read as false; write false"};
  return std::nullopt;
}

std::optional<DurationParts> parse_duration(std::string_view text) {
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string_view fraction =
      dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  if (dot != std::string_view::npos && (fraction.empty() || fraction.size() > 9))
    return std::nullopt;
  std::int64_t nanos = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    const char digit = i < fraction.size() ? fraction[i] : '0';
    if (digit < '0' || digit > '9') return std::nullopt;
    nanos = nanos * 10 + (digit - '0');
  }
  const auto seconds = parse_whole<std::uint64_t>(whole);
  constexpr std::uint64_t kMost = 315'576'000'000;
  if (!seconds || *seconds > kMost) return std::nullopt;
  const std::int64_t sign = negative ? -1 : 1;
  return DurationParts{sign * static_cast<std::int64_t>(*seconds),
                       static_cast<std::int32_t>(sign * nanos)};
}

std::optional<std::string> parse_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<unsigned>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>((bits >> held) & 0xFF);
  }
  return out;
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const auto [length, smallest] = utf8_shape(lead);
    if (length == 0 || i + static_cast<std::size_t>(length) > text.size()) return false;
    unsigned rune = length == 1 ? lead : lead & (0x7Fu >> length);
    for (int k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      if ((next & 0xC0) != 0x80) return false;
      rune = (rune << 6) | (next & 0x3Fu);
    }
    if (rune < smallest || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) return false;
    i += static_cast<std::size_t>(length);
  }
  return true;
}

}  // namespace weir::config
