// SPDX-License-Identifier: Apache-2.0
#include "init/verify/rule_values.hpp"

#include <algorithm>

#include "init/verify/id_map.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kFirstOrdinaryId = 1000;

std::set<Interval>* values_of_type(RuleValues& values, KeyType type) {
  switch (type) {
    case KeyType::ipv4_addr:
      return &values.v4;
    case KeyType::ipv6_addr:
      return &values.v6;
    case KeyType::inet_service:
      return &values.ports;
    case KeyType::uid:
    case KeyType::uid_range:
      return &values.uids;
    case KeyType::gid:
      return &values.gids;
    default:
      return nullptr;
  }
}

template <class Elements, class ToInterval>
void add_ends(std::set<Interval>& into, const Elements& elements, ToInterval to_interval) {
  if (elements.empty()) return;
  into.insert(to_interval(elements.front()));
  into.insert(to_interval(elements[elements.size() / 2]));
  into.insert(to_interval(elements.back()));
}

void add_match(RuleValues& values, const Ruleset& rules, const Match& match) {
  auto* into = values_of_type(values, key_type(match.field));
  if (into == nullptr) return;
  const auto same = [](const Interval& interval) { return interval; };
  if (const auto* key = std::get_if<Key>(&match.operand)) into->insert(Interval{*key, *key});
  if (const auto* list = std::get_if<std::vector<Interval>>(&match.operand))
    add_ends(*into, *list, same);
  if (const auto* name = std::get_if<SetName>(&match.operand))
    if (const Set* set = rules.find_set(name->name)) add_ends(*into, set->elements, same);
}

std::uint32_t number_of(const Key& key) {
  return static_cast<std::uint32_t>(key.bytes[0]) << 24 | key.bytes[1] << 16 | key.bytes[2] << 8 |
         key.bytes[3];
}

// The first of the interval that is mapped.
std::optional<std::uint32_t> first_mapped(const Interval& interval,
                                          const std::vector<IdRange>& map) {
  std::optional<std::uint32_t> first;
  for (const IdRange& range : map) {
    const std::uint32_t low = std::max(range.first, number_of(interval.first));
    const std::uint32_t high = std::min(range.last, number_of(interval.last));
    if (low <= high) first = std::min(first.value_or(low), low);
  }
  return first;
}

// The first of `range` that no interval holds. The intervals are sorted by their first ID.
std::optional<std::uint32_t> first_unnamed(IdRange range, const std::set<Interval>& named) {
  std::uint64_t id = range.first;
  for (const Interval& interval : named)
    if (number_of(interval.first) <= id && id <= number_of(interval.last))
      id = std::uint64_t{number_of(interval.last)} + 1;
  if (id > range.last) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

}  // namespace

RuleValues values_of(const Ruleset& rules) {
  RuleValues values;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules)
      for (const auto& match : rule.matches)
        if (const auto* one = std::get_if<Match>(&match)) add_match(values, rules, *one);
  for (const VerdictMap& map : rules.maps)
    if (auto* into = values_of_type(values, map.type))
      add_ends(*into, map.elements, [](const MapElement& element) { return element.range; });
  // Slices of long lists are sets that only their own chains name: their ends were added above.
  return values;
}

std::vector<std::uint32_t> named_ids(const std::set<Interval>& named,
                                     const std::vector<IdRange>& map) {
  std::vector<std::uint32_t> ids;
  for (const Interval& interval : named)
    if (const auto id = first_mapped(interval, map)) ids.push_back(*id);
  return ids;
}

std::vector<std::uint32_t> unmapped_ids(const std::set<Interval>& named,
                                        const std::vector<IdRange>& map) {
  std::vector<std::uint32_t> ids;
  for (const Interval& interval : named)
    if (!first_mapped(interval, map)) ids.push_back(number_of(interval.first));
  return ids;
}

std::optional<std::uint32_t> unnamed_id(const std::set<Interval>& named,
                                        const std::vector<IdRange>& map) {
  for (const IdRange& range : map)
    if (range.last >= kFirstOrdinaryId)
      if (const auto id =
              first_unnamed({std::max(range.first, kFirstOrdinaryId), range.last}, named))
        return id;
  for (const IdRange& range : map)
    if (const auto id = first_unnamed(range, named)) return id;
  return std::nullopt;
}

}  // namespace weir::init
