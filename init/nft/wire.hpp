// SPDX-License-Identifier: Apache-2.0
// Values of the IR ↔ values of nf_tables: field loads, key types, byte order, comments. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "init/rules/rule.hpp"

namespace weir::init {

/// How the kernel loads a field into a register.
enum class LoadFrom : std::uint8_t { meta, payload, ct, socket };
/// Source: linux/netfilter/nf_tables.h, nft_meta_keys, nft_payload_bases, nft_ct_keys,
/// nft_socket_keys.
struct FieldLoad {
  LoadFrom from{};
  std::uint32_t key = 0;      // of meta, ct or socket; payload: the base
  std::uint32_t offset = 0;   // payload: bytes from the base
  std::uint8_t mask = 0;      // of a one-byte field; 0 = the whole field
  std::uint8_t protocol = 0;  // payload: a match on this protocol (transport header) or on this
                              // family (network header) must come before, else 0
  bool operator==(const FieldLoad&) const = default;
};
FieldLoad field_load(Field field);
/// Fields of meta, ct and socket. Users are Field::skuid.
std::optional<Field> field_of_key(LoadFrom from, std::uint32_t key);
/// `protocol` and `family` are what the rule has matched before, 0 = nothing.
struct MatchedProtocol {
  std::uint8_t family = 0;    // NFPROTO_*
  std::uint8_t protocol = 0;  // IPPROTO_*
};
std::optional<Field> field_of_payload(std::uint32_t base, std::uint32_t offset,
                                      std::uint32_t length, MatchedProtocol matched);

/// nft's number for the type of a set's keys, which nft(8) needs to list the set. Source: nftables,
/// enum datatypes.
std::uint32_t kernel_key_type(KeyType type);
/// Types that a set of ours may have; two of them share a number and differ in having intervals.
std::optional<KeyType> key_type_of_kernel(std::uint32_t number, bool intervals);
/// True for the types whose values nft calls host order (numbers of the kernel's own; nft says so
/// of interface names too).
bool is_host_order(KeyType type);

/// Big endian ↔ what the kernel compares: host order for the kernel's own numbers, but big endian
/// for uid_range, which is what keeps intervals in order. `out` has key_size(type) bytes.
void key_to_wire(KeyType type, const Key& key, std::uint8_t* out);
Key key_from_wire(KeyType type, const std::uint8_t* bytes);

/// User data with one text entry, as nft(8) stores comments. `type` is an NFTNL_UDATA_*_COMMENT.
std::vector<std::uint8_t> comment_data(std::uint8_t type, std::string_view comment);
/// The text of the entry `type`, empty when absent or malformed.
std::string find_comment(std::span<const std::uint8_t> user_data, std::uint8_t type);

}  // namespace weir::init
