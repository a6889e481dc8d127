// SPDX-License-Identifier: Apache-2.0
// Chains of a plan → chains of one legacy table. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "init/legacy/lower_match.hpp"
#include "init/legacy/lowered_table.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// nftables' accept ends our base chain and no other; a legacy ACCEPT would end the table's, and
/// with it the rules of others behind our jump. RETURN does what is wanted, but only where nothing
/// was jumped to. So nothing is: what comes after a jump becomes a chain of its own, the
/// continuation, which the chain jumped to goes on in when it has not decided. A chain is lowered
/// once for each continuation that it is entered with.
class ChainLowering {
 public:
  ChainLowering(const Ruleset& source, LoweredTable& table, const LegacyPlace& place)
      : source_(source), table_(table), place_(place) {}

  /// The rules of the chain when it returns to the built-in one.
  std::vector<Rule> rules_of(const Chain& chain) { return lower(chain, 0, {}); }

  /// Plan's chains that were lowered or taken apart, by name.
  [[nodiscard]] const std::set<std::string>& reached() const { return reached_; }

 private:
  // The rules of `chain` from `start` on, as a chain of their own. Empty when there are none and
  // nothing comes after.
  std::string chain_from(const Chain& chain, std::size_t start, const std::string& next);
  std::string chain_named(const std::string& name, const std::string& next);
  std::vector<Rule> lower(const Chain& chain, std::size_t start, const std::string& next);
  // @return whether the rules after this one are in a chain of their own, or never met.
  bool lower_rule(const Chain& chain, std::size_t at, const std::string& next,
                  std::vector<Rule>& rules);
  bool lower_map(const Chain& chain, std::size_t at, const std::string& next,
                 std::vector<Rule>& rules);
  bool emit(const Chain& chain, std::size_t at, const std::string& next,
            const LoweredMatches& matches, const Rule& rule, std::vector<Rule>& rules);
  bool emit_product(const LoweredMatches& matches, const Rule& rule, std::vector<Rule>& rules);
  std::string add_stages(std::string_view base_name, const LoweredMatches& matches,
                         const Rule& rule, const std::string& next);
  std::string add_choice(std::string_view base_name, const Choice& choice,
                         const std::string& success, const std::string& failure);

  const Ruleset& source_;
  LoweredTable& table_;
  LegacyPlace place_;
  std::map<std::tuple<std::string, std::size_t, std::string>, std::string> lowered_;
  std::set<std::string> reached_;
};

/// The slices of a long list as one rule with the whole list; absent when the map's chains do
/// anything else.
std::optional<Rule> undo_slices(const Rule& rule, const Ruleset& source);

}  // namespace weir::init
