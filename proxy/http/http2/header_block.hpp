// SPDX-License-Identifier: Apache-2.0
// HeaderBlock: fills a HeaderMap field by field while a header block is decoded, within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/header_map.hpp"
#include "proxy/http/protocol_options.hpp"

namespace weir::http {

struct HeaderLimits {
  std::uint32_t max_headers = 100;
  std::size_t max_bytes = std::size_t{60} * 1024;  // names and values
  HttpOptions::Underscores underscores = HttpOptions::Underscores::allow;
};

/// One block at a time: a connection decodes no two at once. What counts against the limits is what
/// was decoded, whether or not it is kept, so a small block cannot unfold into much.
class HeaderBlock {
 public:
  enum class Verdict : std::uint8_t { ok, too_large, too_many, underscore, invalid };

  explicit HeaderBlock(const HeaderLimits& limits) noexcept : limits_(limits) {}

  /// `map` is borrowed until finish(); it is cleared.
  void begin(HeaderMap& map) noexcept;
  /// `name` is lower case. Copies what it keeps.
  Verdict add(std::string_view name, std::string_view value);
  /// Puts the pieces of cookie together (RFC 9113 §8.2.3). A request (server): Host gives way to
  /// :authority, and becomes it where there is none.
  /// @return false when the request names no host, or one with user information (RFC 9113 §8.3.1)
  [[nodiscard]] bool finish(bool request);
  [[nodiscard]] bool filling() const noexcept { return map_ != nullptr; }
  [[nodiscard]] HeaderMap& map() noexcept { return *map_; }  // while filling()
  void abandon() noexcept { map_ = nullptr; }

 private:
  void add_cookie(std::string_view value);

  HeaderLimits limits_;
  HeaderMap* map_ = nullptr;
  std::size_t bytes_ = 0;
  std::uint32_t count_ = 0;
  char* cookie_ = nullptr;  // in the arena
  std::size_t cookie_size_ = 0;
  std::size_t cookie_capacity_ = 0;
  bool has_cookie_ = false;
};

}  // namespace weir::http
