// SPDX-License-Identifier: Apache-2.0
#include "init/nft/decode.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <libnftnl/udata.h>

#include <string_view>

#include "init/nft/wire.hpp"

namespace weir::init {
namespace {

std::string comment_of(const void* data, std::uint32_t length, std::uint8_t type) {
  if (data == nullptr) return {};
  return find_comment({static_cast<const std::uint8_t*>(data), length}, type);
}

// False for a hook that no chain of ours is on.
bool decode_hook(std::uint32_t number, Hook& hook) {
  switch (number) {
    case NF_INET_PRE_ROUTING:
      hook = Hook::prerouting;
      return true;
    case NF_INET_LOCAL_IN:
      hook = Hook::input;
      return true;
    case NF_INET_LOCAL_OUT:
      hook = Hook::output;
      return true;
    default:
      return false;
  }
}

bool decode_chain_type(std::string_view name, ChainType& type) {
  if (name == "nat")
    type = ChainType::nat;
  else if (name == "filter")
    type = ChainType::filter;
  else if (name == "route")
    type = ChainType::route;
  else
    return false;
  return true;
}

std::string set_comment(const nftnl_set* set) {
  std::uint32_t length = 0;
  const void* data = nftnl_set_get_data(set, NFTNL_SET_USERDATA, &length);
  return comment_of(data, length, NFTNL_UDATA_SET_COMMENT);
}

// Empty, or why the type of the keys is none of ours.
std::string decode_key_type(const nftnl_set* set, KeyType& type) {
  const bool intervals = (nftnl_set_get_u32(set, NFTNL_SET_FLAGS) & NFT_SET_INTERVAL) != 0;
  const auto known = key_type_of_kernel(nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE), intervals);
  if (!known || nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN) != key_size(*known))
    return "another key type";
  type = *known;
  return {};
}

std::string unexpected_flags(const nftnl_set* set, std::uint32_t expected) {
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  return flags == expected ? "" : "flags are " + std::to_string(flags);
}

}  // namespace

Chain decode_chain(const nftnl_chain* chain) {
  Chain decoded;
  decoded.name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
  if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) return decoded;
  const std::uint32_t hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
  const char* type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
  BaseHook base{{}, nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO)};
  if (!decode_hook(hook, base.hook)) decoded.unknown = "another hook";
  if (type == nullptr || !decode_chain_type(type, base.type))
    decoded.unknown = "another chain type";
  if (nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) != NF_ACCEPT)
    decoded.unknown = "another policy";
  decoded.base = base;
  return decoded;
}

SetKind kind_of_set(const nftnl_set* set) {
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  if ((flags & NFT_SET_ANONYMOUS) != 0) return SetKind::anonymous;
  return (flags & (NFT_SET_MAP | NFT_SET_OBJECT)) != 0 ? SetKind::map : SetKind::set;
}

Set decode_set(const nftnl_set* set) {
  Set decoded;
  decoded.name = nftnl_set_get_str(set, NFTNL_SET_NAME);
  decoded.comment = set_comment(set);
  decoded.unknown = decode_key_type(set, decoded.type);
  const std::uint32_t expected = has_intervals(decoded.type) ? NFT_SET_INTERVAL : 0;
  if (decoded.unknown.empty()) decoded.unknown = unexpected_flags(set, expected);
  return decoded;
}

VerdictMap decode_map(const nftnl_set* set) {
  VerdictMap decoded;
  decoded.name = nftnl_set_get_str(set, NFTNL_SET_NAME);
  decoded.comment = set_comment(set);
  decoded.unknown = decode_key_type(set, decoded.type);
  if (decoded.unknown.empty())
    decoded.unknown = unexpected_flags(set, NFT_SET_INTERVAL | NFT_SET_MAP);
  if (nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE) != NFT_DATA_VERDICT)
    decoded.unknown = "not a map to verdicts";
  return decoded;
}

CtTimeout decode_timeout(const nftnl_obj* object) {
  CtTimeout decoded;
  auto* raw = const_cast<nftnl_obj*>(object);  // libnftnl's getters want it so; nothing is changed
  decoded.name = nftnl_obj_get_str(raw, NFTNL_OBJ_NAME);
  if (nftnl_obj_get_u32(raw, NFTNL_OBJ_TYPE) != NFT_OBJECT_CT_TIMEOUT) {
    decoded.unknown = "not a connection tracking timeout";
    return decoded;
  }
  const auto family = nftnl_obj_get_u16(raw, NFTNL_OBJ_CT_TIMEOUT_L3PROTO);
  decoded.family = family == NFPROTO_IPV6 ? IpFamily::v6 : IpFamily::v4;
  if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6) decoded.unknown = "of no one family";
  if (nftnl_obj_get_u8(raw, NFTNL_OBJ_CT_TIMEOUT_L4PROTO) != IPPROTO_TCP) {
    decoded.unknown = "not for TCP";
    return decoded;
  }
  // The kernel answers with a value for each state; those that were not asked for are its own, and
  // an administrator may have tuned them.
  const auto* seconds =
      static_cast<const std::uint32_t*>(nftnl_obj_get(raw, NFTNL_OBJ_CT_TIMEOUT_ARRAY));
  if (seconds != nullptr) decoded.close_wait = seconds[NFTNL_CTTIMEOUT_TCP_CLOSE_WAIT];
  return decoded;
}

std::string decode_table_comment(const nftnl_table* table) {
  std::uint32_t length = 0;
  const void* data = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &length);
  return comment_of(data, length, NFTNL_UDATA_TABLE_COMMENT);
}

}  // namespace weir::init
