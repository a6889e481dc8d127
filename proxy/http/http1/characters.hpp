// SPDX-License-Identifier: Apache-2.0
// Classes of characters in HTTP/1, as tables and as searches of sixteen bytes at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::http {

/// The lower-case form of a token character (RFC 9110 §5.6.2), 0 for all others.
inline constexpr auto kTokenLower = [] {
  std::array<char, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"))
    table[static_cast<unsigned char>(c)] = c;
  for (char c = 'A'; c <= 'Z'; ++c)
    table[static_cast<unsigned char>(c)] = static_cast<char>(c + ('a' - 'A'));
  return table;
}();

inline char token_lower(char c) noexcept { return kTokenLower[static_cast<unsigned char>(c)]; }

inline bool is_control(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

#if defined(__SSE2__)
/// Bit i: byte i is a control character other than tab.
inline unsigned control_mask(const char* at) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i top = _mm_set1_epi8(static_cast<char>(0x80));
  const __m128i space = _mm_set1_epi8(static_cast<char>(0x20 ^ 0x80));
  const __m128i low = _mm_cmplt_epi8(_mm_xor_si128(bytes, top), space);
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
}

/// Bit i: byte i may not stand in a target.
inline unsigned not_target_mask(const char* at) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  // Signed: bytes past 0x7f are negative and so below the blank as well.
  const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, del)));
}

/// The first byte in [at, end) whose bit `mask` sets, or end. `floor` ≤ at: what is before `at` may
/// be read too, so that the last bytes need no loop of their own.
template <class Mask>
const char* find_by_mask(const char* at, const char* end, const char* floor, Mask&& mask) noexcept {
  for (; end - at >= 16; at += 16)
    if (const unsigned found = mask(at); found != 0) return at + __builtin_ctz(found);
  if (at == end) return end;
  if (end - floor >= 16) {
    const unsigned found = mask(end - 16) & (~0u << (16 - (end - at)));
    return found != 0 ? end - 16 + __builtin_ctz(found) : end;
  }
  char rest[16] = {};
  const auto size = static_cast<std::size_t>(end - at);
  for (std::size_t i = 0; i < size; ++i) rest[i] = at[i];
  const unsigned found = mask(rest) & ((1u << size) - 1);
  return found != 0 ? at + __builtin_ctz(found) : end;
}
#endif

/// The first control character (tab is none) in [at, end), or end. `floor`: see find_by_mask().
inline const char* find_control(const char* at, const char* end, const char* floor) noexcept {
#if defined(__SSE2__)
  return find_by_mask(at, end, floor, control_mask);
#else
  static_cast<void>(floor);
  while (at != end && (!is_control(*at) || *at == '\t')) ++at;
  return at;
#endif
}

/// The first byte that may not stand in a target: control characters, blanks, and what is not
/// ASCII.
inline const char* find_target_end(const char* at, const char* end, const char* floor) noexcept {
#if defined(__SSE2__)
  return find_by_mask(at, end, floor, not_target_mask);
#else
  static_cast<void>(floor);
  while (at != end && static_cast<signed char>(*at) > 0x20 && *at != 0x7f) ++at;
  return at;
#endif
}

/// Copies a text without a call where it is short, as names and most values are: two overlapping
/// stores. @return the end of the copy
inline char* copy_short(char* at, const char* from, std::size_t size) noexcept {
  if (size >= 16 && size <= 32) {
    char first[16];
    char last[16];
    std::memcpy(first, from, 16);
    std::memcpy(last, from + size - 16, 16);
    std::memcpy(at, first, 16);
    std::memcpy(at + size - 16, last, 16);
  } else if (size >= 8 && size < 16) {
    char first[8];
    char last[8];
    std::memcpy(first, from, 8);
    std::memcpy(last, from + size - 8, 8);
    std::memcpy(at, first, 8);
    std::memcpy(at + size - 8, last, 8);
  } else if (size >= 4 && size < 8) {
    char first[4];
    char last[4];
    std::memcpy(first, from, 4);
    std::memcpy(last, from + size - 4, 4);
    std::memcpy(at, first, 4);
    std::memcpy(at + size - 4, last, 4);
  } else if (size < 4) {
    for (std::size_t i = 0; i < size; ++i) at[i] = from[i];
  } else {
    std::memcpy(at, from, size);
  }
  return at + size;
}

}  // namespace weir::http
