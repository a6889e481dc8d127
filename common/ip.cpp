// SPDX-License-Identifier: Apache-2.0
#include "common/ip.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace weir {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Result<unsigned> parse_number(std::string_view text, unsigned max, std::string_view what) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty() || value > max)
    return Error{std::string(what) + " '" + std::string(text) + "': not a number from 0 to " +
                 std::to_string(max)};
  return value;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress a;
  for (int i = 0; i < 4; ++i) a.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return a;
}

IpAddress IpAddress::v4(const std::uint8_t* four_bytes) {
  IpAddress a;
  std::memcpy(a.bytes_.data(), four_bytes, 4);
  return a;
}

IpAddress IpAddress::v6(const std::uint8_t* sixteen_bytes) {
  IpAddress a;
  a.family_ = IpFamily::v6;
  std::memcpy(a.bytes_.data(), sixteen_bytes, 16);
  return a;
}

IpAddress IpAddress::any(IpFamily family) {
  IpAddress a;
  a.family_ = family;
  return a;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  std::uint8_t raw[16];
  // inet_pton stops at a NUL byte, so an embedded one must be refused here.
  if (copy.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET, copy.c_str(), raw) == 1) return v4(raw);
    if (inet_pton(AF_INET6, copy.c_str(), raw) == 1) return v6(raw);
  }
  return Error{"ip address '" + copy + "': not an IPv4 or IPv6 address"};
}

std::uint32_t IpAddress::v4_value() const noexcept {
  return (std::uint32_t{bytes_[0]} << 24) | (std::uint32_t{bytes_[1]} << 16) |
         (std::uint32_t{bytes_[2]} << 8) | bytes_[3];
}

bool IpAddress::is_any() const noexcept { return bytes_ == std::array<std::uint8_t, 16>{}; }

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes_[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  return bytes_ == one;
}

bool IpAddress::is_v4_mapped() const noexcept {
  return !is_v4() && std::memcmp(bytes_.data(), kMappedPrefix.data(), kMappedPrefix.size()) == 0;
}

IpAddress IpAddress::unmapped() const noexcept {
  return is_v4_mapped() ? v4(bytes_.data() + 12) : *this;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

CidrRange::CidrRange(const IpAddress& address, unsigned length)
    : length_(static_cast<std::uint8_t>(length)) {
  auto bytes = address.bytes();
  for (unsigned i = 0; i < address.size(); ++i) {
    const unsigned kept = length >= (i + 1) * 8 ? 8 : (length <= i * 8 ? 0 : length - i * 8);
    bytes[i] &= static_cast<std::uint8_t>(0xff00u >> kept);
  }
  address_ = address.is_v4() ? IpAddress::v4(bytes.data()) : IpAddress::v6(bytes.data());
}

Result<CidrRange> CidrRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return Error{"cidr '" + std::string(text) + "': '" + std::string(text.substr(0, slash)) +
                 "' is not an IPv4 or IPv6 address"};
  if (slash == std::string_view::npos) return CidrRange(*address, address->bits());
  const auto length = parse_number(text.substr(slash + 1), address->bits(), "prefix length");
  if (!length) return length.error().with_context("cidr '" + std::string(text) + "'");
  return CidrRange(*address, *length);
}

bool CidrRange::contains(const IpAddress& address) const noexcept {
  if (address.family() != address_.family()) return false;
  const unsigned whole = length_ / 8;
  if (std::memcmp(address.bytes().data(), address_.bytes().data(), whole) != 0) return false;
  const unsigned rest = length_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00u >> rest);
  return (address.bytes()[whole] & mask) == address_.bytes()[whole];
}

IpAddress CidrRange::last() const noexcept {
  auto bytes = address_.bytes();
  for (unsigned i = 0; i < address_.size(); ++i) {
    const unsigned kept = length_ >= (i + 1) * 8 ? 8 : (length_ <= i * 8 ? 0 : length_ - i * 8);
    bytes[i] |= static_cast<std::uint8_t>(0xffu >> kept);
  }
  return address_.is_v4() ? IpAddress::v4(bytes.data()) : IpAddress::v6(bytes.data());
}

std::string CidrRange::to_string() const {
  return address_.to_string() + "/" + std::to_string(length_);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  const Error bad{"endpoint '" + std::string(text) + "': expected ADDRESS:PORT or [IPV6]:PORT"};
  if (colon == std::string_view::npos || colon == 0) return bad;
  auto host = text.substr(0, colon);
  const bool bracketed = host.front() == '[';
  if (bracketed) {
    if (host.back() != ']') return bad;
    host = host.substr(1, host.size() - 2);
  }
  const auto address = IpAddress::parse(host);
  const auto port = parse_number(text.substr(colon + 1), 65535, "port");
  if (!address || !port || bracketed == address->is_v4()) return bad;
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const noexcept {
  std::uint64_t words[2];
  std::memcpy(words, endpoint.address.bytes().data(), sizeof words);
  // Multiply-xor mixing: the inputs are few and near each other, the table is small.
  std::uint64_t h = words[0] * 0x9e3779b97f4a7c15u;
  h = (h ^ (h >> 29) ^ words[1]) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 32) ^ (std::uint64_t{endpoint.port} << 1) ^
       static_cast<std::uint64_t>(endpoint.address.family())) *
      0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

}  // namespace weir
