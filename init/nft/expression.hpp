// SPDX-License-Identifier: Apache-2.0
// One function per nf_tables expression, or per group of them that nft(8) has one word for. They
// use register 1 for data, as nft(8) does.
#pragma once

#include <string>

#include "init/nft/handles.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// nft: what stands left of the comparison. `set` says that a set is looked into next: users
/// whose order matters are turned to big endian for it.
void append_load(nftnl_rule* rule, Field field, bool set);
/// nft: `& mask` on the one or four bytes in the register.
void append_mask(nftnl_rule* rule, std::uint32_t mask, std::uint32_t size);
/// nft: `== key`, or `!= key` when negated. Compares what append_load() of a field of this type
/// left.
void append_compare(nftnl_rule* rule, KeyType type, const Key& key, bool negated);
/// nft: `@set`, or `!= @set` when negated.
void append_lookup(nftnl_rule* rule, const std::string& set, bool negated);
/// nft: `vmap @map`.
void append_verdict_lookup(nftnl_rule* rule, const std::string& map);
/// nft: `counter`.
void append_counter(nftnl_rule* rule);
/// nft: `return`, `accept`, `drop`, `jump chain`, `goto chain`. `code` is NF_* or NFT_*; `chain`
/// may be empty.
void append_verdict(nftnl_rule* rule, int code, const std::string& chain);
/// nft: `redirect to :port`. Port in host order.
void append_redirect(nftnl_rule* rule, std::uint16_t port);
/// nft: `tproxy to :port`. Port in host order.
void append_tproxy(nftnl_rule* rule, std::uint16_t port);
/// nft: `reject with …`.
void append_reject(nftnl_rule* rule, Rejection kind);
/// nft: `meta mark set …`; (mark & ~mask) | value.
void append_set_mark(nftnl_rule* rule, std::uint32_t value, std::uint32_t mask);
/// nft: `ct mark set …`, likewise.
void append_set_ct_mark(nftnl_rule* rule, std::uint32_t value, std::uint32_t mask);
/// nft: `ct zone set zone`.
void append_set_zone(nftnl_rule* rule, std::uint16_t zone);
/// nft: `ct timeout set "object"`.
void append_set_timeout(nftnl_rule* rule, const std::string& object);

}  // namespace weir::init
