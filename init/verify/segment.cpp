// SPDX-License-Identifier: Apache-2.0
#include "init/verify/segment.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace weir::init {
namespace {

constexpr std::size_t kEthernetHeader = 14;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86dd;

using Bytes = std::vector<std::uint8_t>;

void put16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}
void put32(Bytes& bytes, std::uint32_t value) {
  put16(bytes, value >> 16);
  put16(bytes, value & 0xffff);
}
void put_address(Bytes& bytes, const IpAddress& address) {
  bytes.insert(bytes.end(), address.bytes().begin(),
               address.bytes().begin() + static_cast<std::ptrdiff_t>(address.size()));
}
std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read16(bytes, at)) << 16 | read16(bytes, at + 2);
}

// Source: RFC 1071.
std::uint16_t internet_checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8) + (i + 1 < bytes.size() ? bytes[i + 1] : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void set16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

Bytes tcp_header(const Segment& segment) {
  Bytes bytes;
  put16(bytes, segment.source.port);
  put16(bytes, segment.destination.port);
  put32(bytes, segment.sequence);
  put32(bytes, segment.acknowledged);
  bytes.push_back(5 << 4);  // header length in words
  bytes.push_back(segment.flags);
  put16(bytes, 64240);  // window
  put32(bytes, 0);      // checksum, urgent pointer
  return bytes;
}

Bytes udp_header(const Segment& segment) {
  Bytes bytes;
  put16(bytes, segment.source.port);
  put16(bytes, segment.destination.port);
  put32(bytes, 8U << 16);  // length, checksum
  return bytes;
}

Bytes ip_header(const Segment& segment, std::size_t payload) {
  Bytes bytes;
  if (segment.source.address.is_v4()) {
    put16(bytes, 0x4500);
    put16(bytes, static_cast<std::uint32_t>(kIpv4Header + payload));
    put32(bytes, 0x4000);  // do not fragment
    bytes.push_back(1);    // TTL: whatever happens, it goes no further
    bytes.push_back(segment.protocol);
    put16(bytes, 0);
  } else {
    put32(bytes, 0x60000000);
    put16(bytes, static_cast<std::uint32_t>(payload));
    bytes.push_back(segment.protocol);
    bytes.push_back(1);  // hop limit
  }
  put_address(bytes, segment.source.address);
  put_address(bytes, segment.destination.address);
  if (segment.source.address.is_v4()) set16(bytes, 10, internet_checksum(bytes));
  return bytes;
}

std::optional<Segment> parse_transport(std::span<const std::uint8_t> bytes, Segment segment) {
  const bool tcp = segment.protocol == IPPROTO_TCP;
  if ((!tcp && segment.protocol != IPPROTO_UDP) || bytes.size() < (tcp ? 20U : 8U))
    return std::nullopt;
  segment.source.port = read16(bytes, 0);
  segment.destination.port = read16(bytes, 2);
  if (!tcp) return segment;
  segment.sequence = read32(bytes, 4);
  segment.acknowledged = read32(bytes, 8);
  segment.flags = bytes[13] & 0x3f;
  return segment;
}

}  // namespace

std::vector<std::uint8_t> transport_bytes(const Segment& segment) {
  const bool tcp = segment.protocol == IPPROTO_TCP;
  Bytes header = tcp ? tcp_header(segment) : udp_header(segment);
  Bytes summed;  // pseudo header; both families' fields add up alike
  put_address(summed, segment.source.address);
  put_address(summed, segment.destination.address);
  put32(summed, static_cast<std::uint32_t>(header.size()));
  put32(summed, segment.protocol);
  summed.insert(summed.end(), header.begin(), header.end());
  set16(header, tcp ? 16 : 6, internet_checksum(summed));
  return header;
}

std::vector<std::uint8_t> frame_bytes(const Segment& segment, const MacAddress& source,
                                      const MacAddress& destination) {
  const Bytes transport = transport_bytes(segment);
  Bytes frame(destination.begin(), destination.end());
  frame.insert(frame.end(), source.begin(), source.end());
  put16(frame, segment.source.address.is_v4() ? kEtherIpv4 : kEtherIpv6);
  const Bytes header = ip_header(segment, transport.size());
  frame.insert(frame.end(), header.begin(), header.end());
  frame.insert(frame.end(), transport.begin(), transport.end());
  return frame;
}

std::optional<Segment> parse_frame(std::span<const std::uint8_t> frame) {
  if (frame.size() < kEthernetHeader) return std::nullopt;
  const std::uint16_t type = read16(frame, 12);
  const auto packet = frame.subspan(kEthernetHeader);
  Segment segment;
  if (type == kEtherIpv4 && packet.size() >= kIpv4Header) {
    const std::size_t header = static_cast<std::size_t>(packet[0] & 0xf) * 4;
    segment.protocol = packet[9];
    segment.source.address = IpAddress::v4(packet.data() + 12);
    segment.destination.address = IpAddress::v4(packet.data() + 16);
    if (header < kIpv4Header || packet.size() < header) return std::nullopt;
    return parse_transport(packet.subspan(header), segment);
  }
  if (type == kEtherIpv6 && packet.size() >= kIpv6Header) {
    segment.protocol = packet[6];
    segment.source.address = IpAddress::v6(packet.data() + 8);
    segment.destination.address = IpAddress::v6(packet.data() + 24);
    return parse_transport(packet.subspan(kIpv6Header), segment);
  }
  return std::nullopt;
}

}  // namespace weir::init
