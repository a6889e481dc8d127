// SPDX-License-Identifier: Apache-2.0
// What the load generator and the upstream say to each other; all numbers in host byte order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

// A request is an id and filler; the reply starts with that id XOR kReplyMask, so that a proxy that
// mixes up connections or loses bytes is noticed.
inline constexpr std::size_t kRequestSize = 100;
inline constexpr std::size_t kReplySize = 100;
inline constexpr std::uint64_t kReplyMask = 0x5741495257414952;

// The first bytes of a bulk connection. The sink reads `bytes` bytes (0: until end of file), the
// source writes them (0: until the peer closes). With `hashed` the bytes are pseudo-random and the
// hash of all of them follows: from the sink as its answer, from the source as the last 8 bytes.
struct BulkHeader {
  std::uint64_t bytes;
  std::uint64_t hashed;
};

inline constexpr std::size_t kBulkChunk = 128 * 1024;

// A sequence of 64-bit words that repeats only after 2^64 - 1 of them (xorshift64).
class RandomWords {
 public:
  explicit RandomWords(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_;
};

// Fills `size` bytes (a multiple of 8).
inline void fill_random(RandomWords& words, char* data, std::size_t size) {
  auto* out = reinterpret_cast<std::uint64_t*>(data);
  for (std::size_t i = 0; i < size / sizeof(std::uint64_t); ++i) out[i] = words.next();
}

// FNV-1a over a stream that arrives in pieces.
class StreamHash {
 public:
  void update(const char* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      value_ = (value_ ^ static_cast<unsigned char>(data[i])) * 0x100000001b3;
    }
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace bench
