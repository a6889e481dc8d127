// SPDX-License-Identifier: Apache-2.0
#include "init/nft/wire.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weir::init {
namespace {

constexpr std::size_t kUserDataHeader = 2;  // type, length

// Four-byte numbers that a register holds in host order.
bool swaps_bytes(KeyType type) {
  return type == KeyType::uid || type == KeyType::gid || type == KeyType::mark ||
         type == KeyType::ct_state;
}

void swap_number(std::uint8_t* bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  value = ntohl(value);
  std::memcpy(bytes, &value, sizeof value);
}

}  // namespace

FieldLoad field_load(Field field) {
  const auto meta = [](std::uint32_t key) { return FieldLoad{LoadFrom::meta, key}; };
  const auto network = [](std::uint32_t offset, std::uint8_t family) {
    return FieldLoad{LoadFrom::payload, NFT_PAYLOAD_NETWORK_HEADER, offset, 0, family};
  };
  const auto transport = [](std::uint32_t offset, std::uint8_t protocol, std::uint8_t mask = 0) {
    return FieldLoad{LoadFrom::payload, NFT_PAYLOAD_TRANSPORT_HEADER, offset, mask, protocol};
  };
  switch (field) {
    case Field::nfproto:
      return meta(NFT_META_NFPROTO);
    case Field::l4proto:
      return meta(NFT_META_L4PROTO);
    case Field::iifname:
      return meta(NFT_META_IIFNAME);
    case Field::oifname:
      return meta(NFT_META_OIFNAME);
    case Field::skuid:
    case Field::skuid_range:
      return meta(NFT_META_SKUID);
    case Field::skgid:
      return meta(NFT_META_SKGID);
    case Field::mark:
      return meta(NFT_META_MARK);
    case Field::ip_saddr:
      return network(12, NFPROTO_IPV4);  // struct iphdr
    case Field::ip_daddr:
      return network(16, NFPROTO_IPV4);
    case Field::ip6_saddr:
      return network(8, NFPROTO_IPV6);  // struct ipv6hdr
    case Field::ip6_daddr:
      return network(24, NFPROTO_IPV6);
    case Field::tcp_dport:
      return transport(2, IPPROTO_TCP);  // struct tcphdr
    case Field::tcp_flags:
      return transport(13, IPPROTO_TCP, kTcpFlagsMask);
    case Field::udp_sport:
      return transport(0, IPPROTO_UDP);  // struct udphdr
    case Field::udp_dport:
      return transport(2, IPPROTO_UDP);
    case Field::ct_mark:
      return FieldLoad{LoadFrom::ct, NFT_CT_MARK};
    case Field::ct_state:
      return FieldLoad{LoadFrom::ct, NFT_CT_STATE};
    case Field::socket_transparent:
      return FieldLoad{LoadFrom::socket, NFT_SOCKET_TRANSPARENT};
  }
  assert(false);
  return {};
}

std::optional<Field> field_of_key(LoadFrom from, std::uint32_t key) {
  for (std::size_t i = 0; i < kFieldCount; ++i)
    if (field_load(static_cast<Field>(i)) == FieldLoad{from, key}) return static_cast<Field>(i);
  return std::nullopt;
}

std::optional<Field> field_of_payload(std::uint32_t base, std::uint32_t offset,
                                      std::uint32_t length, MatchedProtocol matched) {
  const auto protocol = base == NFT_PAYLOAD_NETWORK_HEADER ? matched.family : matched.protocol;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const auto field = static_cast<Field>(i);
    FieldLoad load = field_load(field);
    load.mask = 0;
    if (load == FieldLoad{LoadFrom::payload, base, offset, 0, protocol} &&
        key_size(key_type(field)) == length)
      return field;
  }
  return std::nullopt;
}

std::uint32_t kernel_key_type(KeyType type) {
  switch (type) {
    case KeyType::nfproto:
      return 2;
    case KeyType::ipv4_addr:
      return 7;
    case KeyType::ipv6_addr:
      return 8;
    case KeyType::l4proto:
      return 12;
    case KeyType::inet_service:
      return 13;
    case KeyType::tcp_flags:
      return 15;
    case KeyType::mark:
      return 19;
    case KeyType::uid:
    case KeyType::uid_range:
      return 24;
    case KeyType::gid:
      return 25;
    case KeyType::ct_state:
      return 26;
    case KeyType::boolean:
      return 39;
    case KeyType::ifname:
      return 41;
  }
  assert(false);
  return 0;
}

std::optional<KeyType> key_type_of_kernel(std::uint32_t number, bool intervals) {
  for (const KeyType type :
       {KeyType::ipv4_addr, KeyType::ipv6_addr, KeyType::inet_service, KeyType::uid,
        KeyType::uid_range, KeyType::gid, KeyType::ifname, KeyType::nfproto, KeyType::l4proto})
    if (kernel_key_type(type) == number && has_intervals(type) == intervals) return type;
  return std::nullopt;
}

bool is_host_order(KeyType type) {
  return swaps_bytes(type) || type == KeyType::uid_range || type == KeyType::ifname;
}

void key_to_wire(KeyType type, const Key& key, std::uint8_t* out) {
  std::memcpy(out, key.bytes.data(), key_size(type));
  if (swaps_bytes(type)) swap_number(out);
}

Key key_from_wire(KeyType type, const std::uint8_t* bytes) {
  Key key;
  std::memcpy(key.bytes.data(), bytes, key_size(type));
  if (swaps_bytes(type)) swap_number(key.bytes.data());
  return key;
}

std::vector<std::uint8_t> comment_data(std::uint8_t type, std::string_view comment) {
  assert(comment.size() < 128);  // nft's own limit
  std::vector<std::uint8_t> data(kUserDataHeader + comment.size() + 1);
  data[0] = type;
  data[1] = static_cast<std::uint8_t>(comment.size() + 1);
  std::copy(comment.begin(), comment.end(), data.begin() + kUserDataHeader);
  return data;
}

std::string find_comment(std::span<const std::uint8_t> user_data, std::uint8_t type) {
  while (user_data.size() >= kUserDataHeader) {
    const std::size_t length = user_data[1];
    if (user_data.size() < kUserDataHeader + length) break;
    const auto* text = reinterpret_cast<const char*>(user_data.data() + kUserDataHeader);
    if (user_data[0] == type) return std::string(text, ::strnlen(text, length));
    user_data = user_data.subspan(kUserDataHeader + length);
  }
  return {};
}

}  // namespace weir::init
