// SPDX-License-Identifier: Apache-2.0
// Lists of destinations, short and long.
#include <algorithm>

#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

Field field_of(IpFamily family) {
  return family == IpFamily::v4 ? Field::ip_daddr : Field::ip6_daddr;
}
KeyType type_of(IpFamily family) { return key_type(field_of(family)); }

std::string slice_name(std::string_view prefix, std::size_t number) {
  return std::string(prefix) + "_" + std::to_string(number);
}

bool needs_tcp(const Verdict& verdict) {
  const auto* reject = std::get_if<Reject>(&verdict);
  return reject != nullptr && reject->kind == Rejection::tcp_reset;
}

Rule rule_for(const DestinationPlan& plan, std::string_view set) {
  const Matches protocol = needs_tcp(plan.verdict) ? is_tcp() : Matches{};
  return make_rule(protocol + in_set(field_of(plan.family), set), plan.verdict, plan.rule_comment);
}

// The map that finds the slice, and a chain for each slice that decides. The sets are there
// already, and several plans may share them.
void add_slices(const DestinationPlan& plan, RulesetBuilder& builder) {
  VerdictMap map{
      std::string(plan.name), type_of(plan.family), std::string(plan.set_comment), {}, {}};
  for (std::size_t number = 0;; ++number) {
    const std::string set_name = slice_name(plan.sets, number);
    const Set* set = builder.find_set(set_name);
    if (set == nullptr) break;
    const std::string chain = slice_name(plan.name, number);
    map.elements.push_back({{set->elements.front().first, set->elements.back().last}, chain});
    builder.add_chain(Chain{chain, {}, {rule_for(plan, set_name)}, {}});
  }
  builder.add_map(std::move(map));
}

}  // namespace

void add_destination_sets(const DestinationPlan& plan, std::vector<Interval> intervals,
                          RulesetBuilder& builder) {
  if (intervals.size() <= kSliceSize) {
    builder.add_set(plan.sets, type_of(plan.family), plan.set_comment, std::move(intervals));
    return;
  }
  for (std::size_t begin = 0; begin < intervals.size(); begin += kSliceSize) {
    const auto from = intervals.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to =
        from + static_cast<std::ptrdiff_t>(std::min(kSliceSize, intervals.size() - begin));
    builder.add_set(slice_name(plan.sets, begin / kSliceSize), type_of(plan.family),
                    plan.set_comment, {from, to});
  }
}

void append_destinations(const DestinationPlan& plan, RulesetBuilder& builder,
                         std::vector<Rule>& rules) {
  if (builder.has_set(plan.sets)) rules.push_back(rule_for(plan, plan.sets));
  if (!builder.has_set(slice_name(plan.sets, 0))) return;
  if (!builder.has_map(plan.name)) add_slices(plan, builder);
  const Field field = field_of(plan.family);
  Matches family = in_set(field, plan.name);
  family.pop_back();  // the protocol match is enough: the map does the rest
  rules.push_back(
      make_rule(std::move(family), JumpByMap{field, std::string(plan.name)}, plan.rule_comment));
}

DestinationPlan captured_destinations(IpFamily family) {
  const std::string_view name = family == IpFamily::v4 ? sets::kOutboundV4 : sets::kOutboundV6;
  return {family,
          name,
          name,
          "captured addresses (-i)",
          "captured address (-i)",
          Goto{std::string(chains::kToOutbound)}};
}

DestinationPlan excluded_destinations(IpFamily family) {
  const std::string_view name =
      family == IpFamily::v4 ? sets::kOutboundExcludedV4 : sets::kOutboundExcludedV6;
  return {family, name, name, "addresses left alone (-x)", "excluded address (-x)", Accept{}};
}

}  // namespace weir::init
