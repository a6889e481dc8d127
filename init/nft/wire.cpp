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

}  // namespace

FieldLoad field_load(Field field) {
  const auto meta = [](std::uint32_t key) { return FieldLoad{true, key, 0, 0, 0}; };
  const auto network = [](std::uint32_t offset) {
    return FieldLoad{false, 0, NFT_PAYLOAD_NETWORK_HEADER, offset, 0};
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
      return meta(NFT_META_SKUID);
    case Field::skgid:
      return meta(NFT_META_SKGID);
    case Field::ip_saddr:
      return network(12);  // struct iphdr
    case Field::ip_daddr:
      return network(16);
    case Field::ip6_saddr:
      return network(8);  // struct ipv6hdr
    case Field::ip6_daddr:
      return network(24);
    case Field::tcp_dport:
      return FieldLoad{false, 0, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 0};  // struct tcphdr
    case Field::tcp_flags:
      return FieldLoad{false, 0, NFT_PAYLOAD_TRANSPORT_HEADER, 13, kTcpFlagsMask};
  }
  assert(false);
  return {};
}

std::optional<Field> field_of_meta(std::uint32_t meta_key) {
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const FieldLoad load = field_load(static_cast<Field>(i));
    if (load.from_meta && load.meta_key == meta_key) return static_cast<Field>(i);
  }
  return std::nullopt;
}

std::optional<Field> field_of_payload(std::uint32_t base, std::uint32_t offset,
                                      std::uint32_t length) {
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const auto field = static_cast<Field>(i);
    const FieldLoad load = field_load(field);
    if (!load.from_meta && load.payload_base == base && load.offset == offset &&
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
    case KeyType::tcp_flags:
      return 14;
    case KeyType::inet_service:
      return 13;
    case KeyType::uid:
      return 24;
    case KeyType::gid:
      return 25;
    case KeyType::ifname:
      return 41;
  }
  assert(false);
  return 0;
}

std::optional<KeyType> key_type_of_kernel(std::uint32_t number) {
  for (const KeyType type :
       {KeyType::ipv4_addr, KeyType::ipv6_addr, KeyType::inet_service, KeyType::uid, KeyType::gid,
        KeyType::ifname, KeyType::nfproto, KeyType::l4proto, KeyType::tcp_flags})
    if (kernel_key_type(type) == number) return type;
  return std::nullopt;
}

bool is_host_order(KeyType type) {
  return type == KeyType::uid || type == KeyType::gid || type == KeyType::ifname;
}

void key_to_wire(KeyType type, const Key& key, std::uint8_t* out) {
  std::memcpy(out, key.bytes.data(), key_size(type));
  if (type == KeyType::uid || type == KeyType::gid) {
    std::uint32_t value = 0;
    std::memcpy(&value, out, sizeof value);
    value = ntohl(value);
    std::memcpy(out, &value, sizeof value);
  }
}

Key key_from_wire(KeyType type, const std::uint8_t* bytes) {
  Key key;
  std::memcpy(key.bytes.data(), bytes, key_size(type));
  if (type == KeyType::uid || type == KeyType::gid) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    value = htonl(value);
    std::memcpy(key.bytes.data(), &value, sizeof value);
  }
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
