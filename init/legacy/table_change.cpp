// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/table_change.hpp"

#include <algorithm>
#include <cstring>

#include "init/legacy/built_in.hpp"
#include "init/legacy/entry.hpp"
#include "init/legacy/entry_layout.hpp"

namespace weir::init {
namespace {

bool is_ours(std::string_view chain) { return chain.starts_with(kChainPrefix); }

template <class Layout>
std::size_t target_offset(std::span<const std::uint8_t> bytes) {
  typename Layout::Entry entry{};
  std::memcpy(&entry, bytes.data(), sizeof entry);
  return entry.target_offset;
}

// libiptc shows an entry with the kernel's verdict and takes one with a label.
std::vector<std::uint8_t> with_label(const EntryView& entry, IpFamily family) {
  std::vector<std::uint8_t> bytes(entry.bytes.begin(), entry.bytes.end());
  const std::size_t at =
      family == IpFamily::v4 ? target_offset<LayoutV4>(bytes) : target_offset<LayoutV6>(bytes);
  xt_entry_target target{};
  std::memcpy(&target, bytes.data() + at, sizeof target);
  if (target.u.user.name[0] != 0) return bytes;
  std::memcpy(target.u.user.name, entry.target.data(),
              std::min(entry.target.size(), sizeof target.u.user.name - 1));
  std::memcpy(bytes.data() + at, &target, sizeof target);
  return bytes;
}

OwnChain read_chain(LegacyTable& table, const TableName& name, const std::string& label) {
  const std::string prefix = name.prefix();
  OwnChain own{Chain{prefix + label, {}, {}, {}}, {}};
  table.for_each_entry(label, [&](const EntryView& entry) {
    own.counters.push_back(
        {own.chain.name, own.chain.rules.size(), entry.packets, entry.byte_count});
    own.chain.rules.push_back(decode_entry(name.family, entry.bytes, entry.target, prefix));
  });
  return own;
}

// Notes in `own` which rule of which chain leads to it.
void read_entrance(OwnChain& own, const TableName& name, const std::string& from, std::size_t index,
                   const Rule& rule) {
  const auto refuse = [&](const std::string& why) {
    own.chain.unknown += (own.chain.unknown.empty() ? "" : "; ") + why;
  };
  const BuiltInChain* built_in = find_built_in(name.table, from);
  const std::string place = "rule " + std::to_string(index + 1) + " of " + name.prefix() + from;
  if (built_in == nullptr || own.chain.base) return refuse("also entered by " + place);
  own.chain.base = BaseHook{built_in->hook, built_in->priority, built_in->type, name.family};
  if (index != 0) return refuse("entered by " + place + ", not by the first");
  if (rule != Rule{{}, Jump{own.chain.name}, {}, true})
    refuse("entered by " + place + ", which has conditions");
}

}  // namespace

std::vector<OwnChain> read_own_chains(LegacyTable& table, const TableName& name) {
  std::vector<OwnChain> own;
  const auto chains = table.chains();
  for (const std::string& chain : chains)
    if (is_ours(chain)) own.push_back(read_chain(table, name, chain));
  if (own.empty()) return own;
  const std::string prefix = name.prefix();
  for (const std::string& chain : chains) {
    if (is_ours(chain)) continue;
    std::size_t index = 0;
    table.for_each_entry(chain, [&](const EntryView& entry) {
      const std::size_t at = index++;
      if (!is_ours(entry.target)) return;
      for (OwnChain& candidate : own)
        if (candidate.chain.name == prefix + std::string(entry.target))
          read_entrance(candidate, name, chain, at,
                        decode_entry(name.family, entry.bytes, entry.target, prefix));
    });
  }
  return own;
}

std::vector<OtherNat> read_other_nat(LegacyTable& table, const TableName& name) {
  std::vector<OtherNat> others;
  for (const BuiltInChain& built_in : built_in_chains()) {
    if (built_in.table != "nat" || name.table != "nat" || built_in.hook == Hook::input) continue;
    bool found = false;
    table.for_each_entry(std::string(built_in.name),
                         [&](const EntryView& entry) { found = found || !is_ours(entry.target); });
    if (found)
      others.push_back(
          {name.to_string() + ", chain " + std::string(built_in.name), built_in.priority});
  }
  return others;
}

SavedTable save_table(LegacyTable& table, IpFamily family) {
  SavedTable saved;
  for (const std::string& name : table.chains()) {
    SavedChain chain{name, {}};
    unsigned index = 0;
    unsigned other = 0;
    table.for_each_entry(name, [&](const EntryView& entry) {
      if (is_ours(name) || is_ours(entry.target))
        chain.entries.push_back({with_label(entry, family), index});
      else
        saved.others.push_back({name, other++, entry.packets, entry.byte_count});
      ++index;
    });
    if (is_ours(name))
      saved.chains.push_back(std::move(chain));
    else if (!chain.entries.empty())
      saved.jumps.push_back(std::move(chain));
  }
  return saved;
}

bool same_rules(const SavedTable& left, const SavedTable& right, IpFamily family) {
  const auto same_entries = [&](const SavedEntry& a, const SavedEntry& b) {
    return a.index == b.index && same_entry(family, a.bytes, b.bytes);
  };
  const auto same_chains = [&](const SavedChain& a, const SavedChain& b) {
    return a.name == b.name && std::ranges::equal(a.entries, b.entries, same_entries);
  };
  return std::ranges::equal(left.chains, right.chains, same_chains) &&
         std::ranges::equal(left.jumps, right.jumps, same_chains);
}

Result<bool> remove_own(LegacyTable& table) {
  const auto chains = table.chains();
  bool any = false;
  for (const std::string& chain : chains) {
    if (is_ours(chain)) {
      any = true;
      TRY_VOID(table.flush_chain(chain));
      continue;
    }
    std::vector<unsigned> jumps;
    unsigned index = 0;
    table.for_each_entry(chain, [&](const EntryView& entry) {
      if (is_ours(entry.target)) jumps.push_back(index);
      ++index;
    });
    // From the last, so that the others' numbers hold.
    for (auto jump = jumps.rbegin(); jump != jumps.rend(); ++jump)
      TRY_VOID(table.remove_rule(chain, *jump));
    any = any || !jumps.empty();
  }
  for (const std::string& chain : chains)
    if (is_ours(chain)) TRY_VOID(table.delete_chain(chain));
  return any;
}

Result<void> add_own(LegacyTable& table, const TableName& name, const Ruleset& lowered) {
  const std::string prefix = name.prefix();
  const auto label = [&](const Chain& chain) { return chain.name.substr(prefix.size()); };
  std::vector<const Chain*> chains;
  for (const Chain& chain : lowered.chains)
    if (chain.name.starts_with(prefix)) chains.push_back(&chain);
  for (const Chain* chain : chains) TRY_VOID(table.create_chain(label(*chain)));
  for (const Chain* chain : chains) {
    for (const Rule& rule : chain->rules)
      TRY_VOID(table.append(label(*chain), encode_entry(name.family, rule)));
    if (!chain->base) continue;
    for (const BuiltInChain& built_in : built_in_chains())
      if (built_in.table == name.table && built_in.hook == chain->base->hook)
        TRY_VOID(table.insert(std::string(built_in.name),
                              encode_entry(name.family, Rule{{}, Jump{chain->name}, {}, true}), 0));
  }
  return {};
}

Result<void> restore_own(LegacyTable& table, const SavedTable& saved) {
  for (const SavedTable::Counter& other : saved.others)
    TRY_VOID(table.raise_counter(other.chain, other.index, other.packets, other.bytes));
  for (const SavedChain& chain : saved.chains) TRY_VOID(table.create_chain(chain.name));
  for (const SavedChain& chain : saved.chains)
    for (const SavedEntry& entry : chain.entries) TRY_VOID(table.append(chain.name, entry.bytes));
  for (const SavedChain& chain : saved.jumps)
    for (const SavedEntry& entry : chain.entries)
      TRY_VOID(table.insert(chain.name, entry.bytes, entry.index));
  return {};
}

}  // namespace weir::init
