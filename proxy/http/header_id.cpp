// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/header_id.hpp"

#include <algorithm>
#include <array>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::http {
namespace {

constexpr std::array<std::string_view, kHeaderIds> kNames = {
    "",
    ":method",
    ":scheme",
    ":authority",
    ":path",
    ":protocol",
    ":status",
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "trailer",
    "date",
    "server",
    "via",
    "user-agent",
    "accept",
    "accept-encoding",
    "cookie",
    "referer",
    "location",
    "origin",
    "access-control-request-method",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-client-cert",
    "x-request-id",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-immediate-health-check-fail",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-dst-host",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-original-url",
    "x-envoy-overloaded",
    "x-envoy-ratelimited",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-healthchecked-cluster",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-service-time",
    "grpc-status",
    "grpc-message",
    "grpc-timeout",
};

// Length and three characters tell all the names apart well enough that probing stays short.
constexpr std::size_t kSlots = 256;
/// `key`: the characters at the beginning, in the middle, at the end and at three quarters.
constexpr std::size_t slot_of(std::size_t size, const char (&key)[4]) {
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(key[i]); };
  return (size * 37 + at(0) * 3 + at(1) * 11 + at(2) * 23 + at(3) * 41) % kSlots;
}
constexpr std::size_t slot_of(std::string_view name) {
  const std::size_t size = name.size();
  const char key[4] = {name[0], name[size / 2], name[size - 1], name[size * 3 / 4]};
  return slot_of(size, key);
}

constexpr auto kTable = [] {
  std::array<std::uint8_t, kSlots> table{};
  for (std::size_t id = 1; id < kHeaderIds; ++id) {
    std::size_t slot = slot_of(kNames[id]);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<std::uint8_t>(id);
  }
  return table;
}();

// The names side by side, so that sixteen bytes may be read wherever one begins.
struct PaddedNames {
  std::array<char, kHeaderIds * 48> bytes{};
};
constexpr auto kPadded = [] {
  PaddedNames names;
  for (std::size_t id = 0; id < kHeaderIds; ++id)
    for (std::size_t i = 0; i < kNames[id].size(); ++i) names.bytes[id * 48 + i] = kNames[id][i];
  return names;
}();
static_assert(std::all_of(kNames.begin(), kNames.end(),
                          [](std::string_view name) { return name.size() <= 48; }));

constexpr char lower(char c) { return static_cast<char>(c | 0x20); }

#if defined(__SSE2__)
/// `at` has `size` characters and sixteen more bytes behind its last whole sixteen; known names are
/// of 'a' to 'z' and '-', which this bit leaves alone.
bool is_name(const char* at, std::size_t size, std::size_t id) {
  const char* const name = kPadded.bytes.data() + id * 48;
  const __m128i case_bit = _mm_set1_epi8(0x20);
  const __m128i below = _mm_set1_epi8('-' - 1);
  for (std::size_t i = 0; i < size; i += 16) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
    const __m128i want = _mm_loadu_si128(reinterpret_cast<const __m128i*>(name + i));
    // A control character with the bit set would look like something else.
    const __m128i same = _mm_and_si128(_mm_cmpeq_epi8(_mm_or_si128(text, case_bit), want),
                                       _mm_cmpgt_epi8(text, below));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(same));
    const std::size_t left = size - i;
    const unsigned wanted = left >= 16 ? 0xffffu : (1u << left) - 1;
    if ((mask & wanted) != wanted) return false;
  }
  return true;
}
#endif

}  // namespace

HeaderId known_name(std::string_view line, std::size_t& length) noexcept {
#if defined(__SSE2__)
  // Lines shorter than that take the slow way.
  constexpr std::size_t kLongest = 48;
  const char* const at = line.data();
  const __m128i colon = _mm_set1_epi8(':');
  std::size_t size = 0;
  for (;; size += 16) {
    if (size >= kLongest || size + 32 > line.size()) return HeaderId::none;
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + size));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(text, colon)));
    if (mask == 0) continue;
    size += static_cast<std::size_t>(__builtin_ctz(mask));
    break;
  }
  if (size == 0) return HeaderId::none;
  const char key[4] = {lower(at[0]), lower(at[size / 2]), lower(at[size - 1]),
                       lower(at[size * 3 / 4])};
  for (std::size_t slot = slot_of(size, key); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const std::size_t id = kTable[slot];
    if (kNames[id].size() != size || !is_name(at, size, id)) continue;
    length = size;
    return static_cast<HeaderId>(id);
  }
#else
  static_cast<void>(line);
  static_cast<void>(length);
#endif
  return HeaderId::none;
}

constinit const std::array<std::string_view, kHeaderIds> detail::kHeaderNames = kNames;

HeaderId header_id(std::string_view name) noexcept {
  if (name.empty()) return HeaderId::none;
  for (std::size_t slot = slot_of(name) % kSlots; kTable[slot] != 0; slot = (slot + 1) % kSlots)
    if (kNames[kTable[slot]] == name) return static_cast<HeaderId>(kTable[slot]);
  return HeaderId::none;
}

}  // namespace weir::http
