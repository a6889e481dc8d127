// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "init/legacy/chain_lowering.hpp"

namespace weir::init {
namespace {

using Items = std::vector<std::variant<Match, Opaque>>;

// A slice's one rule, taken apart: the list, and all else.
struct Slice {
  std::vector<Interval> list;
  Items others;
};

std::optional<Slice> as_slice(const Chain& chain, Field field, const Ruleset& source) {
  if (chain.rules.size() != 1) return std::nullopt;
  Slice slice;
  bool found = false;
  for (const auto& item : chain.rules.front().matches) {
    const Match* match = std::get_if<Match>(&item);
    if (match != nullptr && match->field == field && !match->negated && !found) {
      slice.list = operand_values(*match, source);
      found = true;
    } else {
      slice.others.push_back(item);
    }
  }
  if (!found) return std::nullopt;
  return slice;
}

// What a jump's target decides is decided for good; what it only does is followed by the rest.
bool decides(const Verdict& verdict) {
  return std::holds_alternative<Accept>(verdict) || std::holds_alternative<Redirect>(verdict) ||
         std::holds_alternative<Drop>(verdict);
}

}  // namespace

std::optional<Rule> undo_slices(const Rule& rule, const Ruleset& source) {
  const auto& jump = std::get<JumpByMap>(rule.verdict);
  const VerdictMap* map = source.find_map(jump.map);
  if (map == nullptr || map->elements.empty()) return std::nullopt;
  const Chain* first = source.find_chain(map->elements.front().chain);
  if (first == nullptr || first->rules.size() != 1 || !decides(first->rules.front().verdict))
    return std::nullopt;
  std::vector<Interval> list;
  Items others;
  for (const MapElement& element : map->elements) {
    const Chain* chain = source.find_chain(element.chain);
    if (chain == nullptr) return std::nullopt;
    auto slice = as_slice(*chain, jump.field, source);
    const bool alike = slice && (chain == first || slice->others == others) &&
                       chain->rules.front().verdict == first->rules.front().verdict &&
                       chain->rules.front().comment == first->rules.front().comment;
    if (!alike || slice->list.empty() || slice->list.front().first < element.range.first ||
        element.range.last < slice->list.back().last)
      return std::nullopt;
    if (chain == first) others = std::move(slice->others);
    list.insert(list.end(), slice->list.begin(), slice->list.end());
  }
  Rule undone{rule.matches, first->rules.front().verdict, first->rules.front().comment, true};
  undone.matches.insert(undone.matches.end(), others.begin(), others.end());
  undone.matches.emplace_back(Match{jump.field, false, std::move(list)});
  return undone;
}

}  // namespace weir::init
