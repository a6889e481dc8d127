// SPDX-License-Identifier: Apache-2.0
#include "init/nft/batch.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "init/nft/compile.hpp"
#include "init/nft/elements.hpp"

namespace weir::init {
namespace {

// An attribute's length is 16 bits wide, so one message carries this much of a list of elements.
constexpr std::size_t kElementBytes = 60000;
constexpr std::size_t kScratch =
    8192;  // any message but elements: names and comments are below 256 bytes

NftTable named_table() {
  NftTable table(nftnl_table_alloc());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, std::string(kTableName).c_str());
  return table;
}

std::string_view part_name(RulesetPart part) {
  switch (part) {
    case RulesetPart::whole:
      return "transaction";
    case RulesetPart::table:
      return "table";
    case RulesetPart::chain:
    case RulesetPart::rule:
      return "chain";
    case RulesetPart::set:
      return "set";
    case RulesetPart::elements:
      return "elements of";
    case RulesetPart::map:
      return "map";
    case RulesetPart::timeout:
      return "ct timeout";
  }
  assert(false);
  return {};
}

Refusal removal_of(RulesetPart part, std::string name) {
  return Refusal{part, std::move(name), 0, true};
}

}  // namespace

std::string describe_part(const Refusal& what) {
  if (what.part == RulesetPart::whole) return std::string(part_name(what.part));
  const std::string object = std::string(part_name(what.part)) + " '" + what.name + "'";
  const bool all_rules = what.part == RulesetPart::rule && what.removal;
  if (all_rules) return "flush of " + object;
  if (what.removal) return "removal of " + object;
  if (what.part != RulesetPart::rule) return object;
  return "rule " + std::to_string(what.rule + 1) + " of " + object;
}

Batch::Batch(std::uint32_t generation) : scratch_(kScratch) {
  described_.emplace_back();
  nlmsghdr* begin = nftnl_batch_begin(scratch_.data(), 0);
  if (generation != 0) mnl_attr_put_u32(begin, NFNL_BATCH_GENID, htonl(generation));
  append(begin);
}

nlmsghdr* Batch::start(std::uint16_t type, std::uint16_t flags, Refusal what) {
  const auto sequence = static_cast<std::uint32_t>(described_.size());
  described_.push_back(std::move(what));
  return nftnl_nlmsg_build_hdr(scratch_.data(), type, NFPROTO_INET, flags, sequence);
}

void Batch::append(const nlmsghdr* message) {
  const auto* raw = reinterpret_cast<const char*>(message);
  last_ = bytes_.size();
  bytes_.insert(bytes_.end(), raw, raw + MNL_ALIGN(message->nlmsg_len));
}

void Batch::add_table(const Ruleset& ruleset) {
  nlmsghdr* message =
      start(NFT_MSG_NEWTABLE, NLM_F_CREATE, {RulesetPart::table, std::string(kTableName)});
  nftnl_table_nlmsg_build_payload(message, compile_table(ruleset).get());
  append(message);
}

void Batch::delete_table() {
  nlmsghdr* message =
      start(NFT_MSG_DELTABLE, 0, removal_of(RulesetPart::table, std::string(kTableName)));
  nftnl_table_nlmsg_build_payload(message, named_table().get());
  append(message);
}

void Batch::flush_rules() {
  nlmsghdr* message = start(NFT_MSG_DELRULE, 0, removal_of(RulesetPart::rule, "every chain"));
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, std::string(kTableName).c_str());
  append(message);
}

template <class Put>
void Batch::add_elements(const std::string& name, std::uint32_t id, std::size_t count,
                         std::size_t size, const Put& put) {
  const std::size_t per_message = kElementBytes / size;
  for (std::size_t begin = 0; begin < count; begin += per_message) {
    const std::size_t end = std::min(begin + per_message, count);
    nlmsghdr* message = start(NFT_MSG_NEWSETELEM, NLM_F_CREATE, {RulesetPart::elements, name});
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, std::string(kTableName).c_str());
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, name.c_str());
    mnl_attr_put_u32(message, NFTA_SET_ELEM_LIST_SET_ID, htonl(id));
    const nlattr* list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
    const auto list_offset =
        static_cast<std::size_t>(reinterpret_cast<const char*>(list) - scratch_.data());
    append(message);
    // The elements go straight behind the header, then both lengths are put right.
    const std::size_t body = bytes_.size();
    bytes_.resize(body + (end - begin) * size);
    char* out = bytes_.data() + body;
    for (std::size_t i = begin; i < end; ++i) out = put(i, out);
    bytes_.resize(static_cast<std::size_t>(out - bytes_.data()));
    auto* sent = reinterpret_cast<nlmsghdr*>(bytes_.data() + last_);
    sent->nlmsg_len = static_cast<std::uint32_t>(bytes_.size() - last_);
    auto* sent_list = reinterpret_cast<nlattr*>(bytes_.data() + last_ + list_offset);
    sent_list->nla_len = static_cast<std::uint16_t>(bytes_.size() - last_ - list_offset);
  }
}

void Batch::add_set(const Set& set) {
  const std::uint32_t id = ++sets_;
  nlmsghdr* message = start(NFT_MSG_NEWSET, NLM_F_CREATE, {RulesetPart::set, set.name});
  nftnl_set_nlmsg_build_payload(message, compile_set(set, id).get());
  append(message);
  add_elements(
      set.name, id, set.elements.size(), element_size(set.type),
      [&](std::size_t i, char* out) { return encode_element(set.type, set.elements[i], out); });
}

void Batch::add_map(const VerdictMap& map) {
  const std::uint32_t id = ++sets_;
  nlmsghdr* message = start(NFT_MSG_NEWSET, NLM_F_CREATE, {RulesetPart::map, map.name});
  nftnl_set_nlmsg_build_payload(message, compile_map(map, id).get());
  append(message);
  add_elements(
      map.name, id, map.elements.size(), element_size(map.type) + kMapDataSize,
      [&](std::size_t i, char* out) { return encode_map_element(map.type, map.elements[i], out); });
}

void Batch::delete_set(const std::string& name) {
  nlmsghdr* message = start(NFT_MSG_DELSET, 0, removal_of(RulesetPart::set, name));
  mnl_attr_put_strz(message, NFTA_SET_TABLE, std::string(kTableName).c_str());
  mnl_attr_put_strz(message, NFTA_SET_NAME, name.c_str());
  append(message);
}

void Batch::add_timeout(const CtTimeout& timeout) {
  nlmsghdr* message = start(NFT_MSG_NEWOBJ, NLM_F_CREATE, {RulesetPart::timeout, timeout.name});
  mnl_attr_put_strz(message, NFTA_OBJ_TABLE, std::string(kTableName).c_str());
  mnl_attr_put_strz(message, NFTA_OBJ_NAME, timeout.name.c_str());
  mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_CT_TIMEOUT));
  // Not by libnftnl: it sends zeros for the states that are to keep the kernel's values.
  nlattr* data = mnl_attr_nest_start(message, NFTA_OBJ_DATA);
  const bool v4 = timeout.family == IpFamily::v4;
  mnl_attr_put_u16(message, NFTA_CT_TIMEOUT_L3PROTO, htons(v4 ? NFPROTO_IPV4 : NFPROTO_IPV6));
  mnl_attr_put_u8(message, NFTA_CT_TIMEOUT_L4PROTO, IPPROTO_TCP);
  nlattr* states = mnl_attr_nest_start(message, NFTA_CT_TIMEOUT_DATA);
  mnl_attr_put_u32(message, CTA_TIMEOUT_TCP_CLOSE_WAIT, htonl(timeout.close_wait));
  mnl_attr_nest_end(message, states);
  mnl_attr_nest_end(message, data);
  append(message);
}

void Batch::delete_timeout(const std::string& name) {
  nlmsghdr* message = start(NFT_MSG_DELOBJ, 0, removal_of(RulesetPart::timeout, name));
  mnl_attr_put_strz(message, NFTA_OBJ_TABLE, std::string(kTableName).c_str());
  mnl_attr_put_strz(message, NFTA_OBJ_NAME, name.c_str());
  mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_CT_TIMEOUT));
  append(message);
}

void Batch::add_chain(const Chain& chain) {
  nlmsghdr* message = start(NFT_MSG_NEWCHAIN, NLM_F_CREATE, {RulesetPart::chain, chain.name});
  nftnl_chain_nlmsg_build_payload(message, compile_chain(chain).get());
  append(message);
}

void Batch::delete_chain(const std::string& name) {
  nlmsghdr* message = start(NFT_MSG_DELCHAIN, 0, removal_of(RulesetPart::chain, name));
  mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, std::string(kTableName).c_str());
  mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name.c_str());
  append(message);
}

void Batch::add_rules(const Chain& chain) {
  for (std::size_t i = 0; i < chain.rules.size(); ++i) {
    nlmsghdr* message =
        start(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, {RulesetPart::rule, chain.name, i});
    nftnl_rule_nlmsg_build_payload(message, compile_rule(chain.rules[i], chain.name).get());
    append(message);
  }
}

std::span<const char> Batch::finish() {
  // One acknowledgement, for the last message, says that all went well.
  auto* last = reinterpret_cast<nlmsghdr*>(bytes_.data() + last_);
  last->nlmsg_flags |= NLM_F_ACK;
  append(nftnl_batch_end(scratch_.data(), static_cast<std::uint32_t>(described_.size())));
  return bytes_;
}

Refusal Batch::refusal(std::uint32_t sequence, int code) const {
  Refusal refusal = sequence < described_.size() ? described_[sequence] : described_.front();
  refusal.code = code;
  return refusal;
}

}  // namespace weir::init
