// SPDX-License-Identifier: Apache-2.0
// What of a legacy table is ours: read, kept, removed, written. Changes the copy only.
#pragma once

#include <string>
#include <vector>

#include "init/legacy/legacy_table.hpp"
#include "init/legacy/table_name.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// Chains of ours with their counters.
struct OwnChain {
  Chain chain;
  std::vector<RuleCounter> counters;
};
/// Named as lowered chains are. A base chain whose jump is not the first rule of its built-in
/// chain, or is bound to conditions, says so in Chain::unknown.
std::vector<OwnChain> read_own_chains(LegacyTable& table, const TableName& name);
/// NAT rules of others in the built-in chains that ours hang in.
std::vector<OtherNat> read_other_nat(LegacyTable& table, const TableName& name);

/// An entry as it was, its target's label in place.
struct SavedEntry {
  std::vector<std::uint8_t> bytes;
  unsigned index = 0;  // in its chain
};
struct SavedChain {
  std::string name;
  std::vector<SavedEntry> entries;
};
/// Everything of ours, and the counters of the others.
struct SavedTable {
  std::vector<SavedChain> chains;  // ours
  std::vector<SavedChain> jumps;   // in the chains of others, to ours
  struct Counter {
    std::string chain;
    unsigned index = 0;  // among the rules that do not jump to ours
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Counter> others;
  [[nodiscard]] bool empty() const { return chains.empty() && jumps.empty(); }
};
SavedTable save_table(LegacyTable& table, IpFamily family);
/// Whether the rules are the same, whatever they have counted.
bool same_rules(const SavedTable& left, const SavedTable& right, IpFamily family);

/// Removes all chains WEIR_* and all jumps to them. @return whether there were any.
Result<bool> remove_own(LegacyTable& table);
/// Adds the chains of `lowered` that belong to this table, and the jumps to its base chains, first
/// in the built-in ones. Nothing of ours may be there.
Result<void> add_own(LegacyTable& table, const TableName& name, const Ruleset& lowered);
/// Puts back what save_table() found. Nothing of ours may be there.
Result<void> restore_own(LegacyTable& table, const SavedTable& saved);

}  // namespace weir::init
