// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/lower.hpp"

#include <algorithm>

#include "init/legacy/built_in.hpp"
#include "init/legacy/chain_lowering.hpp"
#include "init/legacy/entry.hpp"

namespace weir::init {
namespace {

std::vector<const Chain*> chains_for(const Ruleset& rules, const BuiltInChain& built_in) {
  std::vector<const Chain*> found;
  for (const Chain& chain : rules.chains)
    if (chain.base && chain.base->hook == built_in.hook && table_for(*chain.base) == built_in.table)
      found.push_back(&chain);
  std::stable_sort(found.begin(), found.end(), [](const Chain* a, const Chain* b) {
    return a->base->priority < b->base->priority;
  });
  return found;
}

class Lowering {
 public:
  Lowering(const Ruleset& rules, bool u32) : rules_(rules), u32_(u32) {}

  Ruleset run() {
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
      for (const std::string_view table : {"raw", "mangle", "nat", "filter"})
        lower_table(family, table);
    // As read() orders them.
    std::sort(lowered_.chains.begin(), lowered_.chains.end(), [](const Chain& a, const Chain& b) {
      return std::make_tuple(!a.base, std::string_view(a.name)) <
             std::make_tuple(!b.base, std::string_view(b.name));
    });
    return std::move(lowered_);
  }

 private:
  void lower_table(IpFamily family, std::string_view table_name) {
    const std::string prefix =
        std::string(family == IpFamily::v4 ? "ip/" : "ip6/") + std::string(table_name) + "/";
    LoweredTable table(prefix);
    for (const BuiltInChain& built_in : built_in_chains())
      if (built_in.table == table_name) lower_built_in(family, built_in, table);
    if (prefix == "ip/nat/") keep_notes(table);
    for (Chain& chain : table.take()) lowered_.chains.push_back(std::move(chain));
  }

  void lower_built_in(IpFamily family, const BuiltInChain& built_in, LoweredTable& table) {
    const auto chains = chains_for(rules_, built_in);
    if (chains.empty()) return;
    Chain base{table.new_name(built_in.name),
               BaseHook{built_in.hook, built_in.priority, built_in.type, family},
               {},
               {}};
    ChainLowering lowering(rules_, table, {family, built_in.hook, address_slots(family)});
    // Two chains of a plan on one hook: each of them ends for itself.
    for (const Chain* chain : chains) {
      auto rules = lowering.rules_of(*chain);
      if (rules.empty()) continue;
      if (chains.size() == 1) {
        base.rules = std::move(rules);
        break;
      }
      const std::string name = table.new_name(chain->name);
      table.add(Chain{name, {}, std::move(rules), {}});
      base.rules.push_back(Rule{{}, Jump{name}, {}, true});
    }
    reached_.insert(lowering.reached().begin(), lowering.reached().end());
    if (!base.rules.empty()) table.add(std::move(base));
  }

  // Chains that nothing leads to and that decide nothing hold notes, in comments.
  void keep_notes(LoweredTable& table) {
    for (const Chain& chain : rules_.chains) {
      const bool notes = std::all_of(chain.rules.begin(), chain.rules.end(), [](const Rule& rule) {
        return rule.matches.empty() && std::holds_alternative<Return>(rule.verdict);
      });
      if (chain.base || !notes || chain.rules.empty() || is_entered(chain.name)) continue;
      Chain kept{table.new_name(chain.name), {}, chain.rules, {}};
      for (Rule& rule : kept.rules) rule.counter = true;
      table.add(std::move(kept));
    }
  }

  [[nodiscard]] std::size_t address_slots(IpFamily family) const {
    return u32_ && family == IpFamily::v4 ? kAddressSlotsU32 : kAddressSlots;
  }

  [[nodiscard]] bool is_entered(const std::string& name) const { return reached_.contains(name); }

  const Ruleset& rules_;
  bool u32_;
  Ruleset lowered_;
  std::set<std::string> reached_;
};

}  // namespace

Ruleset lower_for_legacy(const Ruleset& rules, bool u32) { return Lowering(rules, u32).run(); }

std::vector<std::string> legacy_omissions(const Ruleset& rules) {
  std::vector<std::string> lines;
  const bool timeouts = std::any_of(rules.chains.begin(), rules.chains.end(), [](const Chain& c) {
    return std::any_of(c.rules.begin(), c.rules.end(), [](const Rule& rule) {
      return std::holds_alternative<SetTimeout>(rule.verdict);
    });
  });
  if (timeouts)
    lines.emplace_back(
        "close-wait timeout: left out; iptables-legacy has no connection tracking timeouts, only "
        "nftables has (the kernel's nf_conntrack_tcp_timeout_close_wait holds)");
  return lines;
}

}  // namespace weir::init
