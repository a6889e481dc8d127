// SPDX-License-Identifier: Apache-2.0
// HeaderFields: a HeaderMap in the form in which the HTTP/2 library takes it, without copies.
#pragma once

#include <array>
#include <cstddef>

#include <nghttp2/nghttp2.h>

#include "proxy/http/header_map.hpp"

namespace weir::http {

enum class FieldsOf : std::uint8_t { request, response, trailers };

/// Pseudo-headers first, then the others in order; without those that HTTP/2 forbids (RFC 9113
/// §8.2.2) or that the message cannot have. A request without :authority takes Host for it. Borrows
/// names and values.
class HeaderFields {
 public:
  HeaderFields(const HeaderMap& headers, FieldsOf kind);
  HeaderFields(const HeaderFields&) = delete;
  HeaderFields& operator=(const HeaderFields&) = delete;

  [[nodiscard]] const nghttp2_nv* data() const noexcept { return fields_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void add(const HeaderField& field) noexcept;
  void add_pseudo(const HeaderMap& headers, HeaderId id) noexcept;

  static constexpr std::size_t kInPlace = 64;
  std::array<nghttp2_nv, kInPlace> in_place_;  // not initialised: written up to size_
  nghttp2_nv* fields_ = in_place_.data();
  std::size_t size_ = 0;
};

}  // namespace weir::http
