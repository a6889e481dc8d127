// SPDX-License-Identifier: Apache-2.0
// Which transactions lead from one set of rules to another without a packet meeting a mixture.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "init/nft/batch.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// One transaction on the way.
struct Step {
  Batch batch;
  bool after_packets =
      false;  // wait_for_packets() first: this step removes what rules used until the last step
};

/// The steps that turn `observed` (nullptr: no table) into `desired`. The first one insists on
/// `generation`.
///
/// A packet keeps the version of the rules that it began with (nft_do_chain() reads the generation
/// once), but a set is looked into as it is at that moment, and a set's new content may show a
/// little after the rules of the same transaction (nf_tables_commit() publishes it last). So a step
/// changes either all rules at once or only objects that no rule names:
/// - nothing there: sets, maps and chains; then the rules;
/// - only rules differ: the rules;
/// - only things that no rule names are too many (an interrupted replacement): they go;
/// - else: a copy of all objects under other names; the rules go over to it; the objects are
///   exchanged; the rules come back; the copy goes. What `nft list` shows then is what a fresh
///   installation leaves, the order included.
/// Base chains and timeouts stay where both have the same ones. Others come and go like the rest,
/// empty: the rules move when every packet that could miss the new chain is gone. Only a table that
/// is switched off is dropped and added anew.
///
/// What remains: one packet on its way from one base chain to the next at the moment when the rules
/// move meets the old rules in the first and the new ones in the second.
std::vector<Step> build_replacement(const Ruleset& desired, const Ruleset* observed,
                                    std::uint32_t generation);

/// The one step that makes `rules`, with other flags of the table, out of the same rules: only a
/// new table takes an owner. What its sets hold is the same before and after.
Step build_hand_over(const Ruleset& rules, std::uint32_t generation);

/// The steps that remove the table: first its rules, then, when no packet is among them any more,
/// the rest.
std::vector<Step> build_removal();

}  // namespace weir::init
