// SPDX-License-Identifier: Apache-2.0
#include "init/nft/expression.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include <cassert>

#include "init/nft/wire.hpp"

namespace weir::init {
namespace {

nftnl_expr* append(nftnl_rule* rule, const char* name) {
  nftnl_expr* expression = nftnl_expr_alloc(name);
  assert(expression != nullptr);
  nftnl_rule_add_expr(rule, expression);
  return expression;
}

}  // namespace

void append_load(nftnl_rule* rule, Field field) {
  const FieldLoad load = field_load(field);
  if (load.from_meta) {
    nftnl_expr* meta = append(rule, "meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, load.meta_key);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
    return;
  }
  nftnl_expr* payload = append(rule, "payload");
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, load.payload_base);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, load.offset);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN,
                     static_cast<std::uint32_t>(key_size(key_type(field))));
  if (load.mask == 0) return;
  const std::uint8_t no_change = 0;
  nftnl_expr* bitwise = append(rule, "bitwise");
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, 1);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &load.mask, 1);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &no_change, 1);
}

void append_compare(nftnl_rule* rule, KeyType type, const Key& key, bool negated) {
  std::uint8_t wire[16];
  key_to_wire(type, key, wire);
  nftnl_expr* compare = append(rule, "cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, negated ? NFT_CMP_NEQ : NFT_CMP_EQ);
  nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, wire, static_cast<std::uint32_t>(key_size(type)));
}

void append_lookup(nftnl_rule* rule, const std::string& set, bool negated) {
  nftnl_expr* lookup = append(rule, "lookup");
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
  nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, set.c_str());
  if (negated) nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void append_verdict_lookup(nftnl_rule* rule, const std::string& map) {
  nftnl_expr* lookup = append(rule, "lookup");
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, map.c_str());
}

void append_counter(nftnl_rule* rule) { append(rule, "counter"); }

void append_verdict(nftnl_rule* rule, int code, const std::string& chain) {
  nftnl_expr* immediate = append(rule, "immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(code));
  if (!chain.empty()) nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain.c_str());
}

void append_redirect(nftnl_rule* rule, std::uint16_t port) {
  const std::uint16_t wire = htons(port);
  nftnl_expr* immediate = append(rule, "immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
  nftnl_expr_set(immediate, NFTNL_EXPR_IMM_DATA, &wire, sizeof wire);
  nftnl_expr* redirect = append(rule, "redir");
  nftnl_expr_set_u32(redirect, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
  // Without the flag the kernel keeps the port.
  nftnl_expr_set_u32(redirect, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

}  // namespace weir::init
