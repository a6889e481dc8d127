// SPDX-License-Identifier: Apache-2.0
// Lists of destinations, short and long.
#include <algorithm>

#include "init/interval.hpp"
#include "init/plan.hpp"

namespace weir::init {
namespace {

Field field_of(IpFamily family) {
  return family == IpFamily::v4 ? Field::ip_daddr : Field::ip6_daddr;
}
KeyType type_of(IpFamily family) { return key_type(field_of(family)); }

Rule rule_for(const DestinationPlan& plan, std::string_view set) {
  const Matches protocol = std::holds_alternative<Redirect>(plan.verdict) ? is_tcp() : Matches{};
  return make_rule(protocol + in_set(field_of(plan.family), set), plan.verdict, plan.rule_comment);
}

// One slice: its set, and the chain that decides for what the map sends there.
MapElement add_slice(const DestinationPlan& plan, std::size_t number,
                     std::vector<Interval> intervals, RulesetBuilder& builder) {
  const std::string name = std::string(plan.name) + "_" + std::to_string(number);
  const Interval range{intervals.front().first, intervals.back().last};
  builder.add_set(name, type_of(plan.family), plan.set_comment, std::move(intervals));
  builder.add_chain(Chain{name, {}, {rule_for(plan, name)}, {}});
  return MapElement{range, name};
}

}  // namespace

void append_destination_rule(const DestinationPlan& plan, const RulesetBuilder& builder,
                             std::vector<Rule>& rules) {
  if (builder.has_set(plan.name)) rules.push_back(rule_for(plan, plan.name));
  if (!builder.has_map(plan.name)) return;
  const Field field = field_of(plan.family);
  Matches family = in_set(field, plan.name);
  family.pop_back();  // the protocol match is enough: the map does the rest
  rules.push_back(
      make_rule(std::move(family), JumpByMap{field, std::string(plan.name)}, plan.rule_comment));
}

void append_destinations(const DestinationPlan& plan, std::vector<Interval> intervals,
                         RulesetBuilder& builder, std::vector<Rule>& rules) {
  if (intervals.size() <= kSliceSize) {
    builder.add_set(plan.name, type_of(plan.family), plan.set_comment, std::move(intervals));
  } else {
    VerdictMap map{
        std::string(plan.name), type_of(plan.family), std::string(plan.set_comment), {}, {}};
    for (std::size_t begin = 0; begin < intervals.size(); begin += kSliceSize) {
      const auto from = intervals.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto to =
          from + static_cast<std::ptrdiff_t>(std::min(kSliceSize, intervals.size() - begin));
      map.elements.push_back(add_slice(plan, map.elements.size(), {from, to}, builder));
    }
    builder.add_map(std::move(map));
  }
  append_destination_rule(plan, builder, rules);
}

}  // namespace weir::init
