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

#include "init/rule.hpp"

namespace weir::init {

/// How the kernel loads a field into a register. Source: linux/netfilter/nf_tables.h,
/// nft_meta_keys, nft_payload_bases.
struct FieldLoad {
  bool from_meta = false;
  std::uint32_t meta_key = 0;      // nft_meta_keys
  std::uint32_t payload_base = 0;  // nft_payload_bases
  std::uint32_t offset = 0;        // bytes from the base
  std::uint8_t mask = 0;           // of a one-byte field; 0 = the whole field
};
FieldLoad field_load(Field field);
std::optional<Field> field_of_meta(std::uint32_t meta_key);
std::optional<Field> field_of_payload(std::uint32_t base, std::uint32_t offset,
                                      std::uint32_t length);

/// nft's number for the type of a set's keys, which nft(8) needs to list the set. Source: nftables,
/// enum datatypes.
std::uint32_t kernel_key_type(KeyType type);
std::optional<KeyType> key_type_of_kernel(std::uint32_t number);
/// True for the types whose values nft keeps in host order (uid, gid; nft says so of interface
/// names too).
bool is_host_order(KeyType type);

/// Big endian ↔ what the kernel compares: uid and gid are host order. `out` has key_size(type)
/// bytes.
void key_to_wire(KeyType type, const Key& key, std::uint8_t* out);
Key key_from_wire(KeyType type, const std::uint8_t* bytes);

/// User data with one text entry, as nft(8) stores comments. `type` is an NFTNL_UDATA_*_COMMENT.
std::vector<std::uint8_t> comment_data(std::uint8_t type, std::string_view comment);
/// The text of the entry `type`, empty when absent or malformed.
std::string find_comment(std::span<const std::uint8_t> user_data, std::uint8_t type);

}  // namespace weir::init
