// SPDX-License-Identifier: Apache-2.0
#include "init/nft/compile.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <libnftnl/udata.h>

#include <cassert>
#include <cstring>
#include <string>

#include "init/nft/expression.hpp"
#include "init/nft/wire.hpp"

namespace weir::init {
namespace {

const std::string& table_name() {
  static const std::string name(kTableName);
  return name;
}

struct VerdictCompiler {
  nftnl_rule* rule;
  void operator()(const Return&) const { append_verdict(rule, NFT_RETURN, {}); }
  void operator()(const Accept&) const { append_verdict(rule, NF_ACCEPT, {}); }
  void operator()(const Drop&) const { append_verdict(rule, NF_DROP, {}); }
  void operator()(const Jump& jump) const { append_verdict(rule, NFT_JUMP, jump.chain); }
  void operator()(const Goto& jump) const { append_verdict(rule, NFT_GOTO, jump.chain); }
  void operator()(const Redirect& redirect) const { append_redirect(rule, redirect.port); }
  void operator()(const JumpByMap& jump) const {
    append_load(rule, jump.field, true);
    append_verdict_lookup(rule, jump.map);
  }
  void operator()(const Tproxy& tproxy) const {
    append_tproxy(rule, tproxy.port);
    append_set_mark(rule, tproxy.mark, tproxy.mask);
    append_verdict(rule, NF_ACCEPT, {});
  }
  void operator()(const Reject& reject) const { append_reject(rule, reject.kind); }
  void operator()(const Continue&) const {}
  void operator()(const SetMark& set) const { append_set_mark(rule, set.value, set.mask); }
  void operator()(const SetCtMark& set) const { append_set_ct_mark(rule, set.value, set.mask); }
  void operator()(const SetZone& set) const { append_set_zone(rule, set.zone); }
  void operator()(const SetTimeout& set) const { append_set_timeout(rule, set.object); }
  void operator()(const Opaque&) const { assert(false); }  // never planned
};

// `ct state & states != 0`: some bit is set, or none when negated.
void compile_state_match(nftnl_rule* rule, const Key& states, bool negated) {
  std::uint8_t wire[4];
  key_to_wire(KeyType::ct_state, states, wire);
  std::uint32_t mask = 0;
  std::memcpy(&mask, wire, sizeof mask);
  append_mask(rule, mask, sizeof mask);
  append_compare(rule, KeyType::ct_state, Key{}, !negated);
}

void compile_match(nftnl_rule* rule, const Match& match) {
  const auto* set = std::get_if<SetName>(&match.operand);
  append_load(rule, match.field, set != nullptr);
  if (set != nullptr) return append_lookup(rule, set->name, match.negated);
  const KeyType type = key_type(match.field);
  const Key& key = std::get<Key>(match.operand);
  // One user is Field::skuid; numbers that are compared with others are in a set.
  assert(type != KeyType::uid_range);
  if (type == KeyType::ct_state) return compile_state_match(rule, key, match.negated);
  if (match.mask != 0xffffffff) append_mask(rule, match.mask, sizeof match.mask);
  append_compare(rule, type, key, match.negated);
}

std::uint32_t hook_number(Hook hook) {
  switch (hook) {
    case Hook::prerouting:
      return NF_INET_PRE_ROUTING;
    case Hook::input:
      return NF_INET_LOCAL_IN;
    case Hook::output:
      return NF_INET_LOCAL_OUT;
  }
  assert(false);
  return 0;
}

const char* type_name(ChainType type) {
  switch (type) {
    case ChainType::nat:
      return "nat";
    case ChainType::filter:
      return "filter";
    case ChainType::route:
      return "route";
  }
  assert(false);
  return "";
}

// What nft(8) stores with a set to list it the way it was written.
class UserData {
 public:
  void put_number(std::uint8_t type, std::uint32_t number) {
    put(type, std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
  }
  void put_text(std::uint8_t type, const std::string& text) {
    put(type, std::string_view(text.c_str(), text.size() + 1));
  }
  void store(nftnl_set* set) const {
    nftnl_set_set_data(set, NFTNL_SET_USERDATA, bytes_.data(),
                       static_cast<std::uint32_t>(bytes_.size()));
  }

 private:
  void put(std::uint8_t type, std::string_view bytes) {
    bytes_ += static_cast<char>(type);
    bytes_ += static_cast<char>(bytes.size());
    bytes_ += bytes;
  }
  std::string bytes_;
};

// nft's enum byteorder: 1 = host, 2 = big endian.
std::uint32_t byte_order(KeyType type) { return is_host_order(type) ? 1 : 2; }

NftSet new_set(const std::string& name, KeyType type, std::uint32_t id) {
  NftSet set(nftnl_set_alloc());
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_name().c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, kernel_key_type(type));
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, static_cast<std::uint32_t>(key_size(type)));
  return set;
}

}  // namespace

NftTable compile_table(const Ruleset& ruleset) {
  NftTable table(nftnl_table_alloc());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_name().c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, ruleset.flags);
  const auto comment = comment_data(NFTNL_UDATA_TABLE_COMMENT, ruleset.comment);
  nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, comment.data(),
                       static_cast<std::uint32_t>(comment.size()));
  return table;
}

NftChain compile_chain(const Chain& chain) {
  NftChain compiled(nftnl_chain_alloc());
  nftnl_chain_set_u32(compiled.get(), NFTNL_CHAIN_FAMILY, NFPROTO_INET);
  nftnl_chain_set_str(compiled.get(), NFTNL_CHAIN_TABLE, table_name().c_str());
  nftnl_chain_set_str(compiled.get(), NFTNL_CHAIN_NAME, chain.name.c_str());
  if (chain.base) {
    nftnl_chain_set_str(compiled.get(), NFTNL_CHAIN_TYPE, type_name(chain.base->type));
    nftnl_chain_set_u32(compiled.get(), NFTNL_CHAIN_HOOKNUM, hook_number(chain.base->hook));
    nftnl_chain_set_s32(compiled.get(), NFTNL_CHAIN_PRIO, chain.base->priority);
    nftnl_chain_set_u32(compiled.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  }
  return compiled;
}

NftSet compile_set(const Set& set, std::uint32_t id) {
  NftSet compiled = new_set(set.name, set.type, id);
  nftnl_set_set_u32(compiled.get(), NFTNL_SET_FLAGS,
                    has_intervals(set.type) ? NFT_SET_INTERVAL : 0);
  UserData data;
  data.put_number(NFTNL_UDATA_SET_KEYBYTEORDER, byte_order(set.type));
  data.put_text(NFTNL_UDATA_SET_COMMENT, set.comment);
  data.store(compiled.get());
  return compiled;
}

NftSet compile_map(const VerdictMap& map, std::uint32_t id) {
  NftSet compiled = new_set(map.name, map.type, id);
  nftnl_set_set_u32(compiled.get(), NFTNL_SET_FLAGS, NFT_SET_INTERVAL | NFT_SET_MAP);
  nftnl_set_set_u32(compiled.get(), NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
  nftnl_set_set_u32(compiled.get(), NFTNL_SET_DATA_LEN, 0);
  UserData data;
  data.put_number(NFTNL_UDATA_SET_KEYBYTEORDER, byte_order(map.type));
  data.put_number(NFTNL_UDATA_SET_DATABYTEORDER, 0);
  data.put_number(NFTNL_UDATA_SET_DATA_INTERVAL, 0);
  data.put_text(NFTNL_UDATA_SET_COMMENT, map.comment);
  data.store(compiled.get());
  return compiled;
}

NftRule compile_rule(const Rule& rule, std::string_view chain) {
  NftRule compiled(nftnl_rule_alloc());
  nftnl_rule* raw = compiled.get();
  nftnl_rule_set_u32(raw, NFTNL_RULE_FAMILY, NFPROTO_INET);
  nftnl_rule_set_str(raw, NFTNL_RULE_TABLE, table_name().c_str());
  nftnl_rule_set_str(raw, NFTNL_RULE_CHAIN, std::string(chain).c_str());
  for (const auto& match : rule.matches) {
    assert(std::holds_alternative<Match>(match));
    compile_match(raw, std::get<Match>(match));
  }
  if (rule.counter) append_counter(raw);
  std::visit(VerdictCompiler{raw}, rule.verdict);
  if (rule.comment.empty()) return compiled;
  const auto comment = comment_data(NFTNL_UDATA_RULE_COMMENT, rule.comment);
  nftnl_rule_set_data(raw, NFTNL_RULE_USERDATA, comment.data(),
                      static_cast<std::uint32_t>(comment.size()));
  return compiled;
}

}  // namespace weir::init
