// SPDX-License-Identifier: Apache-2.0
// The reading half of NftBackend.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>

#include <algorithm>
#include <cerrno>

#include "init/nft/attributes.hpp"
#include "init/nft/decode.hpp"
#include "init/nft/elements.hpp"
#include "init/nft/explained.hpp"
#include "init/nft/handles.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/nft/other_nat.hpp"

namespace weir::init {
namespace {

constexpr int kReadAttempts = 5;

const std::string kTable(kTableName);

bool is_ours(std::uint32_t family, const char* table) {
  return family == NFPROTO_INET && table != nullptr && kTableName == table;
}

}  // namespace

Result<Observed> NftBackend::read() {
  for (int attempt = 0;; ++attempt) {
    auto observed = read_once();
    if (observed || observed.error().code != EINTR || attempt == kReadAttempts) {
      if (!observed) return explained(observed.error(), "reading the rules");
      return observed;
    }
  }
}

Result<Observed> NftBackend::read_once() {
  Observed observed;
  TRY(observed.generation, read_generation());
  Ruleset rules;
  TRY(const TableState state, read_table(rules));
  TRY_VOID(read_chains(observed, rules));
  if (state == TableState::ours) {
    TRY_VOID(read_sets(rules));
    TRY_VOID(read_timeouts(rules));
    TRY_VOID(read_rules(observed, rules));
    observed.rules = std::move(rules);
  }
  TRY(const std::uint32_t after, read_generation());
  if (after != observed.generation) return Error{"the rules changed while they were read", EINTR};
  return observed;
}

Result<std::uint32_t> NftBackend::read_generation() {
  char buffer[256];
  const nlmsghdr* message =
      nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, ++sequence_);
  std::uint32_t generation = 0;
  TRY_VOID(socket_.request(message, [&](const nlmsghdr* reply) {
    for_each_attribute(reply, sizeof(nfgenmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NFTA_GEN_ID)
        generation = ntohl(mnl_attr_get_u32(attribute));
    });
  }));
  return generation;
}

Result<NftBackend::TableState> NftBackend::read_table(Ruleset& rules) {
  char buffer[512];
  nlmsghdr* message =
      nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK, ++sequence_);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, kTable.c_str());
  NftTable table(nftnl_table_alloc());
  const auto reply = socket_.request(
      message, [&](const nlmsghdr* answer) { nftnl_table_nlmsg_parse(answer, table.get()); });
  if (!reply && reply.error().code == ENOENT) return TableState::absent;
  if (!reply) return reply.error();
  rules.flags = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS);
  rules.comment = decode_table_comment(table.get());
  const bool owned = (rules.flags & kTableOwnerFlag) != 0;
  holder_ = owned ? nftnl_table_get_u32(table.get(), NFTNL_TABLE_OWNER) : 0;
  // Who may change the table is no part of what it does.
  rules.flags &= ~(kTableOwnerFlag | kTablePersistFlag);
  if (rules.comment != kTableComment) TRY_VOID(held_by_nobody_else());
  if (rules.comment != kTableComment)
    return Error{
        "table 'inet weir': not installed by weir-init; rename or remove it (nft delete table inet "
        "weir)",
        EBUSY};
  return TableState::ours;
}

Result<void> NftBackend::dump(std::uint16_t type, std::uint16_t family,
                              std::uint16_t table_attribute, std::uint16_t set_attribute,
                              const std::string& set, const NetlinkSocket::OnMessage& on_message) {
  char buffer[1024];
  nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer, type, family, NLM_F_DUMP, ++sequence_);
  if (table_attribute != 0) mnl_attr_put_strz(message, table_attribute, kTable.c_str());
  if (set_attribute != 0) mnl_attr_put_strz(message, set_attribute, set.c_str());
  return socket_.request(message, on_message);
}

Result<void> NftBackend::read_chains(Observed& observed, Ruleset& rules) {
  // All families: the chains of others on our hooks are wanted as well.
  return dump(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, 0, 0, {}, [&](const nlmsghdr* reply) {
    NftChain chain(nftnl_chain_alloc());
    if (nftnl_chain_nlmsg_parse(reply, chain.get()) < 0) return;
    if (is_ours(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY),
                nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)))
      rules.chains.push_back(decode_chain(chain.get()));
    else if (auto other = as_other_nat(chain.get()))
      observed.other_nat.push_back(*std::move(other));
  });
}

Result<void> NftBackend::read_sets(Ruleset& rules) {
  TRY_VOID(dump(NFT_MSG_GETSET, NFPROTO_INET, NFTA_SET_TABLE, 0, {}, [&](const nlmsghdr* reply) {
    NftSet set(nftnl_set_alloc());
    if (nftnl_set_nlmsg_parse(reply, set.get()) < 0) return;
    switch (kind_of_set(set.get())) {
      case SetKind::set:
        return rules.sets.push_back(decode_set(set.get()));
      case SetKind::map:
        return rules.maps.push_back(decode_map(set.get()));
      case SetKind::anonymous:
        return;  // part of a rule, which is not one of ours
    }
  }));
  for (Set& set : rules.sets)
    if (set.unknown.empty()) TRY_VOID(read_elements(set));
  for (VerdictMap& map : rules.maps)
    if (map.unknown.empty()) TRY_VOID(read_elements(map));
  return {};
}

Result<void> NftBackend::read_elements(Set& set) {
  std::vector<RawElement> elements;
  TRY_VOID(dump(
      NFT_MSG_GETSETELEM, NFPROTO_INET, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, set.name,
      [&](const nlmsghdr* reply) { decode_elements(reply, set.type, elements, set.unknown); }));
  set.elements = assemble_intervals(set.type, std::move(elements));
  return {};
}

Result<void> NftBackend::read_elements(VerdictMap& map) {
  std::vector<RawElement> elements;
  std::vector<std::string> chains;
  TRY_VOID(dump(NFT_MSG_GETSETELEM, NFPROTO_INET, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
                map.name, [&](const nlmsghdr* reply) {
                  decode_map_elements(reply, map.type, elements, chains, map.unknown);
                }));
  map.elements = assemble_map(map.type, elements, chains);
  return {};
}

Result<void> NftBackend::read_timeouts(Ruleset& rules) {
  // Objects of every kind: one that is none of ours is a difference.
  return dump(NFT_MSG_GETOBJ, NFPROTO_INET, NFTA_OBJ_TABLE, 0, {}, [&](const nlmsghdr* reply) {
    NftObject object(nftnl_obj_alloc());
    if (nftnl_obj_nlmsg_parse(reply, object.get()) < 0) return;
    if (is_ours(NFPROTO_INET, nftnl_obj_get_str(object.get(), NFTNL_OBJ_TABLE)))
      rules.timeouts.push_back(decode_timeout(object.get()));
  });
}

Result<void> NftBackend::read_rules(Observed& observed, Ruleset& rules) {
  return dump(NFT_MSG_GETRULE, NFPROTO_INET, NFTA_RULE_TABLE, 0, {}, [&](const nlmsghdr* reply) {
    NftRule rule(nftnl_rule_alloc());
    if (nftnl_rule_nlmsg_parse(reply, rule.get()) < 0) return;
    const std::string name = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
    const auto chain = std::find_if(rules.chains.begin(), rules.chains.end(),
                                    [&](const Chain& c) { return c.name == name; });
    // Kernels before 5.9 do not filter a dump by table.
    const char* table = nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE);
    if (!is_ours(NFPROTO_INET, table) || chain == rules.chains.end()) return;
    chain->rules.push_back(decode_rule(rule.get()));
    if (!chain->rules.back().counter) return;
    const CounterValues values = decode_counter(rule.get());
    observed.counters.push_back({name, chain->rules.size() - 1, values.packets, values.bytes});
  });
}

}  // namespace weir::init
