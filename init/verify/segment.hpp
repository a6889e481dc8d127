// SPDX-License-Identifier: Apache-2.0
// TCP segments and UDP datagrams as bytes, for packets that no socket would send. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ip.hpp"

namespace weir::init {

inline constexpr std::uint8_t kTcpFlagRst = 0x04;
inline constexpr std::uint8_t kTcpFlagAck = 0x10;

struct Segment {
  std::uint8_t protocol = 0;  // IPPROTO_TCP or IPPROTO_UDP
  Endpoint source;
  Endpoint destination;
  std::uint8_t flags = 0;  // TCP
  std::uint32_t sequence = 0;
  std::uint32_t acknowledged = 0;
};

using MacAddress = std::array<std::uint8_t, 6>;

/// The TCP or UDP header with its checksum, without data.
std::vector<std::uint8_t> transport_bytes(const Segment& segment);
/// The same in an IP packet (TTL 1) in an Ethernet frame.
std::vector<std::uint8_t> frame_bytes(const Segment& segment, const MacAddress& source,
                                      const MacAddress& destination);
/// Nothing for anything but TCP and UDP.
std::optional<Segment> parse_frame(std::span<const std::uint8_t> frame);

}  // namespace weir::init
