// SPDX-License-Identifier: Apache-2.0
// A kernel made of a Ruleset: takes the messages of transactions apart and applies them.
#pragma once

#include <netinet/in.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "init/nft/attributes.hpp"
#include "init/nft/batch.hpp"
#include "init/nft/decode.hpp"
#include "init/nft/elements.hpp"

namespace weir::init {

class ModelKernel {
 public:
  ModelKernel() = default;
  explicit ModelKernel(const Ruleset& rules) : rules_(rules) {}

  /// The table after `batch`. Absent when there is none.
  const std::optional<Ruleset>& apply(Batch& batch) {
    const auto bytes = batch.finish();
    int left = static_cast<int>(bytes.size());
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(bytes.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left)) {
      if ((m->nlmsg_type >> 8) == NFNL_SUBSYS_NFTABLES) take(m, m->nlmsg_type & 0xff);
      EXPECT_EQ(m->nlmsg_len % 4, 0u);
    }
    EXPECT_EQ(left, 0);
    for (auto& [name, raw] : raw_) finish_elements(name, raw);
    raw_.clear();
    return rules_;
  }

 private:
  struct Raw {
    std::vector<RawElement> elements;
    std::vector<std::string> chains;
  };

  template <class T>
  static T* find(std::vector<T>& items, const std::string& name) {
    const auto at =
        std::find_if(items.begin(), items.end(), [&](const T& i) { return i.name == name; });
    return at == items.end() ? nullptr : &*at;
  }

  template <class T>
  static bool remove(std::vector<T>& items, const std::string& name) {
    return std::erase_if(items, [&](const T& i) { return i.name == name; }) > 0;
  }

  static std::string text_attribute(const nlmsghdr* m, int type) {
    std::string text;
    for_each_attribute(m, sizeof(nfgenmsg), [&](const nlattr* a) {
      if (mnl_attr_get_type(a) == type) text = mnl_attr_get_str(a);
    });
    return text;
  }

  void finish_elements(const std::string& name, Raw& raw) {
    if (Set* set = find(rules_->sets, name))
      set->elements = assemble_intervals(set->type, raw.elements);
    if (VerdictMap* map = find(rules_->maps, name))
      map->elements = assemble_map(map->type, raw.elements, raw.chains);
  }

  void take(const nlmsghdr* m, int type) {
    if (type == NFT_MSG_NEWTABLE) return add_table(m);
    ASSERT_TRUE(rules_) << "no table";
    switch (type) {
      case NFT_MSG_DELTABLE:
        rules_.reset();
        break;
      case NFT_MSG_NEWCHAIN:
        add_chain(m);
        break;
      case NFT_MSG_DELCHAIN:
        EXPECT_TRUE(remove(rules_->chains, text_attribute(m, NFTA_CHAIN_NAME)));
        break;
      case NFT_MSG_NEWSET:
        add_set(m);
        break;
      case NFT_MSG_DELSET: {
        const std::string name = text_attribute(m, NFTA_SET_NAME);
        EXPECT_TRUE(remove(rules_->sets, name) || remove(rules_->maps, name)) << name;
        break;
      }
      case NFT_MSG_NEWOBJ: {
        NftObject object(nftnl_obj_alloc());
        nftnl_obj_nlmsg_parse(m, object.get());
        rules_->timeouts.push_back(decode_timeout(object.get()));
        break;
      }
      case NFT_MSG_DELOBJ:
        EXPECT_TRUE(remove(rules_->timeouts, text_attribute(m, NFTA_OBJ_NAME)));
        break;
      case NFT_MSG_NEWSETELEM:
        add_elements(m);
        break;
      case NFT_MSG_NEWRULE:
        add_rule(m);
        break;
      case NFT_MSG_DELRULE:
        for (Chain& chain : rules_->chains) chain.rules.clear();
        break;
      default:
        FAIL() << "message type " << type;
    }
  }

  void add_table(const nlmsghdr* m) {
    NftTable table(nftnl_table_alloc());
    nftnl_table_nlmsg_parse(m, table.get());
    if (!rules_) rules_ = Ruleset{};
    rules_->comment = decode_table_comment(table.get());
    rules_->flags = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS);
  }

  void add_chain(const nlmsghdr* m) {
    NftChain chain(nftnl_chain_alloc());
    nftnl_chain_nlmsg_parse(m, chain.get());
    rules_->chains.push_back(decode_chain(chain.get()));
  }

  void add_set(const nlmsghdr* m) {
    NftSet set(nftnl_set_alloc());
    nftnl_set_nlmsg_parse(m, set.get());
    const std::string name = nftnl_set_get_str(set.get(), NFTNL_SET_NAME);
    EXPECT_TRUE(find(rules_->sets, name) == nullptr && find(rules_->maps, name) == nullptr) << name;
    if (kind_of_set(set.get()) == SetKind::map)
      rules_->maps.push_back(decode_map(set.get()));
    else
      rules_->sets.push_back(decode_set(set.get()));
  }

  void add_elements(const nlmsghdr* m) {
    const std::string name = text_attribute(m, NFTA_SET_ELEM_LIST_SET);
    std::string unknown;
    if (const Set* set = rules_->find_set(name))
      decode_elements(m, set->type, raw_[name].elements, unknown);
    else if (const VerdictMap* map = rules_->find_map(name))
      decode_map_elements(m, map->type, raw_[name].elements, raw_[name].chains, unknown);
    else
      ADD_FAILURE() << "elements before their set: " << name;
    EXPECT_EQ(unknown, "");
  }

  void add_rule(const nlmsghdr* m) {
    NftRule rule(nftnl_rule_alloc());
    nftnl_rule_nlmsg_parse(m, rule.get());
    Chain* chain = find(rules_->chains, nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN));
    ASSERT_NE(chain, nullptr);
    chain->rules.push_back(decode_rule(rule.get()));
    if (auto* set = std::get_if<SetTimeout>(&chain->rules.back().verdict)) cut_name(set->object);
  }

  // libnftnl sends the name of an object without its NUL and reads on until one: the kernel puts it
  // there. The longest name of ours that the text begins with is the name.
  void cut_name(std::string& text) const {
    std::string name;
    for (const CtTimeout& timeout : rules_->timeouts)
      if (text.starts_with(timeout.name) && timeout.name.size() > name.size()) name = timeout.name;
    EXPECT_NE(name, "") << text;
    text = name;
  }

  std::optional<Ruleset> rules_;
  std::map<std::string, Raw> raw_;
};

}  // namespace weir::init
