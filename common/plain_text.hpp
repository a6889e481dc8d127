// SPDX-License-Identifier: Apache-2.0
// How much of a text needs no escaping, in logs and in JSON: nearly always all of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir {

/// Printable ASCII but for '"' and '\'.
constexpr bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

/// Bytes at the front of `text` that are plain, up to the first that is not.
inline std::size_t plain_prefix(std::string_view text) {
  // Eight at a time; a word that may hold something else is looked at byte by byte.
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  const auto has_zero = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  std::size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t below_blank = (word - kOnes * 0x20) & ~word & kHighs;
    if (((word & kHighs) | below_blank | has_zero(word ^ (kOnes * 0x7f)) |
         has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'))) != 0)
      break;
  }
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

}  // namespace weir
