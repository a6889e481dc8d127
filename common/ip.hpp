// SPDX-License-Identifier: Apache-2.0
// IP addresses, prefixes and endpoints as values: parsing, formatting, containment.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace weir {

enum class IpFamily : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address. Bytes are in network order; an IPv4 address uses the first four, the
/// rest are zero.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v4(const std::uint8_t* four_bytes);
  static IpAddress v6(const std::uint8_t* sixteen_bytes);
  static IpAddress any(IpFamily family);
  /// Accepts dotted IPv4 and RFC 4291 IPv6 text without zone or brackets. Error quotes the text.
  static Result<IpAddress> parse(std::string_view text);

  [[nodiscard]] IpFamily family() const noexcept { return family_; }
  [[nodiscard]] bool is_v4() const noexcept { return family_ == IpFamily::v4; }
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  /// Length in bytes: 4 or 16.
  [[nodiscard]] std::size_t size() const noexcept { return is_v4() ? 4 : 16; }
  [[nodiscard]] unsigned bits() const noexcept { return is_v4() ? 32 : 128; }
  /// IPv4 only: the address in host order.
  [[nodiscard]] std::uint32_t v4_value() const noexcept;
  [[nodiscard]] bool is_any() const noexcept;
  /// 127.0.0.0/8 or ::1.
  [[nodiscard]] bool is_loopback() const noexcept;
  /// ::ffff:a.b.c.d
  [[nodiscard]] bool is_v4_mapped() const noexcept;
  /// ::ffff:a.b.c.d → a.b.c.d; anything else unchanged.
  [[nodiscard]] IpAddress unmapped() const noexcept;
  /// Text as inet_ntop prints it.
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  IpFamily family_ = IpFamily::v4;
};

/// A prefix. Host bits are cleared at construction, so equal prefixes compare equal.
class CidrRange {
 public:
  constexpr CidrRange() = default;  // 0.0.0.0/0
  CidrRange(const IpAddress& address, unsigned length);
  /// `a.b.c.d/n`, `v6/n`, or a bare address (= /32 or /128). Error quotes the text and says what is
  /// wrong.
  static Result<CidrRange> parse(std::string_view text);

  [[nodiscard]] const IpAddress& address() const noexcept { return address_; }
  [[nodiscard]] unsigned length() const noexcept { return length_; }
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  /// Highest address of the prefix.
  [[nodiscard]] IpAddress last() const noexcept;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const CidrRange&) const = default;

 private:
  IpAddress address_;
  std::uint8_t length_ = 0;
};

/// Address and port (host order).
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// `a.b.c.d:port` or `[v6]:port`.
  static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

/// Hash of address, family and port, for unordered containers.
struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const noexcept;
};

}  // namespace weir
