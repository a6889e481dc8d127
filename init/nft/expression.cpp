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

void append_immediate(nftnl_rule* rule, const void* data, std::uint32_t size) {
  nftnl_expr* immediate = append(rule, "immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
  nftnl_expr_set(immediate, NFTNL_EXPR_IMM_DATA, data, size);
}

void append_bitwise(nftnl_rule* rule, const void* mask, const void* change, std::uint32_t size) {
  nftnl_expr* bitwise = append(rule, "bitwise");
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, size);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, mask, size);
  nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, change, size);
}

// The new mark into the register; all of it needs no old one.
void append_new_mark(nftnl_rule* rule, Field field, std::uint32_t value, std::uint32_t mask) {
  assert((value & ~mask) == 0 && mask != 0);
  if (mask == 0xffffffff) return append_immediate(rule, &value, sizeof value);
  append_load(rule, field, false);
  const std::uint32_t kept = ~mask;
  append_bitwise(rule, &kept, &value, sizeof value);
}

void append_payload(nftnl_rule* rule, const FieldLoad& load, std::size_t size) {
  nftnl_expr* payload = append(rule, "payload");
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, load.key);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, load.offset);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, static_cast<std::uint32_t>(size));
  if (load.mask != 0) append_mask(rule, load.mask, 1);
}

void append_key(nftnl_rule* rule, const char* name, std::uint16_t key_attribute,
                std::uint16_t register_attribute, std::uint32_t key) {
  nftnl_expr* load = append(rule, name);
  nftnl_expr_set_u32(load, key_attribute, key);
  nftnl_expr_set_u32(load, register_attribute, NFT_REG_1);
}

}  // namespace

void append_load(nftnl_rule* rule, Field field, bool set) {
  const FieldLoad load = field_load(field);
  switch (load.from) {
    case LoadFrom::meta:
      append_key(rule, "meta", NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_DREG, load.key);
      break;
    case LoadFrom::ct:
      append_key(rule, "ct", NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_DREG, load.key);
      break;
    case LoadFrom::socket:
      append_key(rule, "socket", NFTNL_EXPR_SOCKET_KEY, NFTNL_EXPR_SOCKET_DREG, load.key);
      break;
    case LoadFrom::payload:
      append_payload(rule, load, key_size(key_type(field)));
      break;
  }
  if (key_type(field) != KeyType::uid_range || !set) return;
  nftnl_expr* order = append(rule, "byteorder");
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_LEN, 4);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_SIZE, 4);
}

void append_mask(nftnl_rule* rule, std::uint32_t mask, std::uint32_t size) {
  const std::uint32_t no_change = 0;
  const auto byte = static_cast<std::uint8_t>(mask);
  append_bitwise(rule, size == 1 ? static_cast<const void*>(&byte) : &mask, &no_change, size);
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
  append_immediate(rule, &wire, sizeof wire);
  nftnl_expr* redirect = append(rule, "redir");
  nftnl_expr_set_u32(redirect, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
  // Without the flag the kernel keeps the port.
  nftnl_expr_set_u32(redirect, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

void append_tproxy(nftnl_rule* rule, std::uint16_t port) {
  const std::uint16_t wire = htons(port);
  append_immediate(rule, &wire, sizeof wire);
  nftnl_expr* tproxy = append(rule, "tproxy");
  nftnl_expr_set_u32(tproxy, NFTNL_EXPR_TPROXY_FAMILY, NFPROTO_UNSPEC);
  nftnl_expr_set_u32(tproxy, NFTNL_EXPR_TPROXY_REG_PORT, NFT_REG_1);
}

void append_reject(nftnl_rule* rule, Rejection kind) {
  nftnl_expr* reject = append(rule, "reject");
  const bool reset = kind == Rejection::tcp_reset;
  nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE,
                     reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
  nftnl_expr_set_u8(reject, NFTNL_EXPR_REJECT_CODE, reset ? 0 : NFT_REJECT_ICMPX_PORT_UNREACH);
}

void append_set_mark(nftnl_rule* rule, std::uint32_t value, std::uint32_t mask) {
  append_new_mark(rule, Field::mark, value, mask);
  append_key(rule, "meta", NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_SREG, NFT_META_MARK);
}

void append_set_ct_mark(nftnl_rule* rule, std::uint32_t value, std::uint32_t mask) {
  append_new_mark(rule, Field::ct_mark, value, mask);
  append_key(rule, "ct", NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_SREG, NFT_CT_MARK);
}

void append_set_zone(nftnl_rule* rule, std::uint16_t zone) {
  append_immediate(rule, &zone, sizeof zone);
  append_key(rule, "ct", NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_SREG, NFT_CT_ZONE);
}

void append_set_timeout(nftnl_rule* rule, const std::string& object) {
  nftnl_expr* reference = append(rule, "objref");
  nftnl_expr_set_u32(reference, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_CT_TIMEOUT);
  nftnl_expr_set_str(reference, NFTNL_EXPR_OBJREF_IMM_NAME, object.c_str());
}

}  // namespace weir::init
