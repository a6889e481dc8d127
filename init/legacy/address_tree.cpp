// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/address_tree.hpp"

#include <algorithm>
#include <span>

#include "init/legacy/entry.hpp"
#include "init/legacy/lower_match.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

using Targets = std::span<const PrefixTarget>;

bool bit(const Key& key, unsigned at) { return (key.bytes[at / 8] & (0x80U >> at % 8)) != 0; }

// Bits that the first and the last address of the group have in common, and so all between.
unsigned common_length(Targets group, std::size_t size) {
  const Key& first = group.front().prefix.first;
  const Key& last = group.back().prefix.last;
  unsigned length = 0;
  while (length < size * 8 && bit(first, length) == bit(last, length)) ++length;
  return length;
}

Interval common_prefix(Targets group, std::size_t size) {
  const unsigned length = common_length(group, size);
  Interval prefix{group.front().prefix.first, group.front().prefix.first};
  for (unsigned i = length; i < size * 8; ++i) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> i % 8);
    prefix.first.bytes[i / 8] &= static_cast<std::uint8_t>(~mask);
    prefix.last.bytes[i / 8] |= mask;
  }
  return prefix;
}

// The group's halves below its common prefix; neither is empty when it holds two prefixes or more.
std::size_t split_point(Targets group, std::size_t size) {
  const unsigned length = common_length(group, size);
  const auto upper = std::partition_point(group.begin(), group.end(), [&](const PrefixTarget& t) {
    return !bit(t.prefix.first, length);
  });
  return static_cast<std::size_t>(upper - group.begin());
}

// The widest groups are split until there are enough, or each fits one rule.
std::vector<Targets> groups_of(Targets targets, std::size_t size, std::size_t slots) {
  std::vector<Targets> groups{targets};
  while (groups.size() < kTreeFanOut) {
    const auto widest =
        std::max_element(groups.begin(), groups.end(),
                         [](const Targets& a, const Targets& b) { return a.size() < b.size(); });
    if (widest->size() <= slots) break;
    const std::size_t middle = split_point(*widest, size);
    const Targets upper = widest->subspan(middle);
    *widest = widest->first(middle);
    groups.insert(std::next(widest), upper);
  }
  return groups;
}

bool is_one_target(Targets group) {
  return std::all_of(group.begin(), group.end(), [&](const PrefixTarget& target) {
    return target.chain == group.front().chain;
  });
}

class TreeBuilder {
 public:
  TreeBuilder(LoweredTable& table, Field field, std::size_t slots, std::string_view base_name,
              const std::string& miss)
      : table_(table),
        field_(field),
        size_(key_size(key_type(field))),
        slots_(slots),
        base_name_(base_name),
        miss_(miss) {}

  std::string add(Targets targets) {
    Chain chain{table_.new_name(base_name_), {}, {}, {}};
    for (const Targets group : groups_of(targets, size_, slots_)) {
      if (group.size() <= slots_ && is_one_target(group))
        add_rule(chain, as_list(group), group.front().chain);
      else if (group.size() < targets.size())
        add_rule(chain, {common_prefix(group, size_)}, add(group));
      else
        for (const PrefixTarget& target : group) add_rule(chain, {target.prefix}, target.chain);
    }
    if (!miss_.empty()) chain.rules.push_back(go_on_rule(miss_));
    std::string name = chain.name;
    table_.add(std::move(chain));
    return name;
  }

 private:
  // Prefixes that touch are one interval again.
  [[nodiscard]] std::vector<Interval> as_list(Targets group) const {
    std::vector<Interval> list;
    for (const PrefixTarget& target : group) list.push_back(target.prefix);
    merge_intervals(list, size_);
    return list;
  }

  void add_rule(Chain& chain, std::vector<Interval> list, const std::string& target) {
    Match match{field_, false, list.front().first};
    const bool single = list.size() == 1 && list.front().first == list.front().last;
    if (!single) match.operand = std::move(list);
    chain.rules.push_back(Rule{{std::move(match)}, go_on_in(target), {}, true});
  }

  LoweredTable& table_;
  Field field_;
  std::size_t size_;
  std::size_t slots_;
  std::string_view base_name_;
  const std::string& miss_;
};

}  // namespace

std::string add_address_tree(LoweredTable& table, Field field, std::size_t slots,
                             std::string_view base_name, const std::vector<PrefixTarget>& targets,
                             const std::string& miss) {
  return TreeBuilder(table, field, slots, base_name, miss).add(targets);
}

}  // namespace weir::init
