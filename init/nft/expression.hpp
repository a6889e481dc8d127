// SPDX-License-Identifier: Apache-2.0
// One function per nf_tables expression. They use register 1 for data, as nft(8) does.
#pragma once

#include <string>

#include "init/nft/handles.hpp"
#include "init/rule.hpp"

namespace weir::init {

/// nft: `meta <key>`, `<header> <field>` or `<header> <field> & mask`.
void append_load(nftnl_rule* rule, Field field);
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

}  // namespace weir::init
