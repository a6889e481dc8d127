// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/lower_match.hpp"

#include <algorithm>
#include <cassert>

#include "common/kernel_headers.hpp"
#include "init/legacy/entry.hpp"
#include "init/legacy/entry_layout.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

// What must hold for one field: in the intervals, or with `negated` in none of them.
struct Constraint {
  Field field{};
  bool negated = false;
  std::vector<Interval> values;
  std::uint32_t mask = 0xffffffff;
};

std::vector<Interval> intersection(const std::vector<Interval>& left,
                                   const std::vector<Interval>& right) {
  std::vector<Interval> both;
  for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    const Interval common{std::max(left[i].first, right[j].first),
                          std::min(left[i].last, right[j].last)};
    if (common.first <= common.last) both.push_back(common);
    if (left[i].last < right[j].last)
      ++i;
    else
      ++j;
  }
  return both;
}

std::vector<Interval> complement(const std::vector<Interval>& values, std::size_t size) {
  std::vector<Interval> rest;
  Key next;
  for (const Interval& value : values) {
    if (next < value.first) {
      Interval gap{next, value.first};
      decrement(gap.last, size);
      rest.push_back(gap);
    }
    next = value.last;
    if (!increment(next, size)) return rest;
  }
  Key highest;
  std::fill_n(highest.bytes.begin(), size, std::uint8_t{0xff});
  rest.push_back({next, highest});
  return rest;
}

// Both must hold; one constraint says so, positively where either is positive.
void combine(Constraint& left, Constraint right) {
  const std::size_t size = key_size(key_type(left.field));
  if (left.negated && right.negated) {
    left.values.insert(left.values.end(), right.values.begin(), right.values.end());
    merge_intervals(left.values, size);
    return;
  }
  const auto positive = [&](Constraint& c) {
    return c.negated ? complement(c.values, size) : std::move(c.values);
  };
  left.values = intersection(positive(left), positive(right));
  left.negated = false;
}

bool is_mark(Field field) { return field == Field::mark || field == Field::ct_mark; }

std::optional<std::uint8_t> implied_protocol(Field field) {
  switch (field) {
    case Field::tcp_dport:
    case Field::tcp_flags:
      return IPPROTO_TCP;
    case Field::udp_dport:
    case Field::udp_sport:
      return IPPROTO_UDP;
    default:
      return std::nullopt;
  }
}

// Several matches of these fields go into one entry side by side.
bool is_repeatable(Field field) {
  return is_mark(field) || field == Field::ct_state || field == Field::socket_transparent;
}

bool is_owner(Field field) {
  return field == Field::skuid || field == Field::skuid_range || field == Field::skgid;
}
bool is_address(Field field) {
  return field == Field::ip_saddr || field == Field::ip_daddr || field == Field::ip6_saddr ||
         field == Field::ip6_daddr;
}
bool is_port(Field field) { return key_type(field) == KeyType::inet_service; }
bool is_interface(Field field) { return field == Field::iifname || field == Field::oifname; }

void require(std::vector<Constraint>& constraints, Constraint constraint) {
  const auto same = std::find_if(constraints.begin(), constraints.end(), [&](const Constraint& c) {
    return c.field == constraint.field && !is_repeatable(c.field);
  });
  if (same == constraints.end())
    constraints.push_back(std::move(constraint));
  else
    combine(*same, std::move(constraint));
}

// A packet of this place never has the field.
bool is_absent(Field field, const LegacyPlace& place) {
  const bool other_family = place.family == IpFamily::v4
                                ? field == Field::ip6_saddr || field == Field::ip6_daddr
                                : field == Field::ip_saddr || field == Field::ip_daddr;
  // xt_owner is refused where packets come in; they have no socket's owner there.
  return other_family || (is_owner(field) && place.hook != Hook::output);
}

std::variant<Key, SetName, std::vector<Interval>> operand(const Interval& range) {
  if (range.first == range.last) return range.first;
  return std::vector<Interval>{range};
}

Match match_of(const Constraint& constraint, Interval range) {
  Field field = constraint.field;
  // The highest number is nobody's, and the kernel refuses it as the end of a range.
  if (is_owner(field) && range.first != range.last && is_highest(range.last, 4))
    decrement(range.last, 4);
  if (field == Field::skuid || field == Field::skuid_range)
    field = range.first == range.last ? Field::skuid : Field::skuid_range;
  return Match{field, constraint.negated, operand(range), constraint.mask};
}

// As many ports as fit, again and again.
std::vector<Match> port_matches(const Constraint& constraint) {
  std::vector<Match> matches;
  std::vector<Interval> chunk;
  std::size_t slots = 0;
  const auto flush = [&] {
    if (chunk.size() == 1)
      matches.push_back(match_of(constraint, chunk.front()));
    else if (!chunk.empty())
      matches.push_back(Match{constraint.field, constraint.negated, chunk});
    chunk.clear();
    slots = 0;
  };
  for (const Interval& range : constraint.values) {
    const std::size_t needed = range.first == range.last ? 1 : 2;
    if (slots + needed > kMultiportSlots) flush();
    chunk.push_back(range);
    slots += needed;
  }
  flush();
  return matches;
}

// A range of marks is some prefixes, each a mark under a mask.
std::vector<Match> mark_matches(const Constraint& constraint) {
  std::vector<Match> matches;
  for (const Interval& range : split_into_prefixes(constraint.values, 4, 1)) {
    const unsigned free_bits = 32 - *prefix_length(range, 4);
    const auto prefix = static_cast<std::uint32_t>(~((std::uint64_t{1} << free_bits) - 1));
    matches.push_back(
        Match{constraint.field, constraint.negated, range.first, constraint.mask & prefix});
  }
  return matches;
}

// Each value as one entry's match.
std::vector<Match> entry_matches(const Constraint& constraint) {
  if (is_port(constraint.field)) return port_matches(constraint);
  if (is_mark(constraint.field)) return mark_matches(constraint);
  // A list that is longer becomes a tree.
  if (is_address(constraint.field) && constraint.values.size() > 1)
    return {Match{constraint.field, constraint.negated, constraint.values}};
  std::vector<Interval> ranges = constraint.values;
  if (is_interface(constraint.field)) ranges = split_into_prefixes(ranges, 16, 8);
  std::vector<Match> matches;
  for (const Interval& range : ranges) matches.push_back(match_of(constraint, range));
  return matches;
}

// None of them in one entry: ports, owners and marks can be refused side by side.
bool refuses_in_one_entry(Field field) {
  return is_port(field) || is_owner(field) || is_mark(field);
}

void add(LoweredMatches& lowered, const Constraint& constraint, const LegacyPlace& place) {
  std::vector<Match> matches = entry_matches(constraint);
  const std::size_t slots = constraint.negated ? kAddressSlots : place.address_slots;
  const bool is_long = is_address(constraint.field) && constraint.values.size() > slots;
  const bool together = (matches.size() == 1 && !is_long) ||
                        (constraint.negated && refuses_in_one_entry(constraint.field));
  if (is_long) matches.clear();
  if (together) {
    lowered.single.insert(lowered.single.end(), matches.begin(), matches.end());
    return;
  }
  for (Match& match : matches) match.negated = false;
  lowered.choices.push_back(
      {constraint.field, constraint.negated, constraint.values, std::move(matches)});
}

bool is_everything(const Constraint& constraint) {
  const std::size_t size = key_size(key_type(constraint.field));
  return constraint.values.size() == 1 && constraint.values.front().first == Key{} &&
         is_highest(constraint.values.front().last, size);
}

// @return what is known without a packet: that it holds, or that it does not.
std::optional<bool> known(const Constraint& constraint, const LegacyPlace& place) {
  if (constraint.field == Field::nfproto) {
    const Key family = byte_key(place.family == IpFamily::v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    const bool in =
        std::any_of(constraint.values.begin(), constraint.values.end(),
                    [&](const Interval& i) { return i.first <= family && family <= i.last; });
    return in != constraint.negated;
  }
  if (is_absent(constraint.field, place)) return false;
  if (constraint.values.empty()) return constraint.negated;
  if (!is_everything(constraint)) return std::nullopt;
  if (constraint.negated) return false;
  // Every value of a field that every packet has (of the protocol, which is matched too).
  const bool always = is_address(constraint.field) || is_interface(constraint.field) ||
                      is_port(constraint.field) || constraint.field == Field::l4proto;
  return always ? std::optional(true) : std::nullopt;
}

}  // namespace

void sort_by_rank(std::vector<Match>& matches) {
  std::stable_sort(matches.begin(), matches.end(),
                   [](const Match& a, const Match& b) { return match_rank(a) < match_rank(b); });
}

std::vector<Interval> operand_values(const Match& match, const Ruleset& sets) {
  std::vector<Interval> values;
  if (const auto* name = std::get_if<SetName>(&match.operand)) {
    if (const Set* set = sets.find_set(name->name)) values = set->elements;
  } else if (const auto* ranges = std::get_if<std::vector<Interval>>(&match.operand)) {
    values = *ranges;
  } else {
    const Key& key = std::get<Key>(match.operand);
    values = {{key, key}};
  }
  merge_intervals(values, key_size(key_type(match.field)));
  return values;
}

LoweredMatches lower_matches(const std::vector<std::variant<Match, Opaque>>& matches,
                             const Ruleset& sets, const LegacyPlace& place) {
  LoweredMatches lowered;
  std::vector<Constraint> constraints;
  for (const auto& item : matches) {
    const auto* match = std::get_if<Match>(&item);
    if (match == nullptr) return LoweredMatches{true, {}, {}};
    if (const auto protocol = implied_protocol(match->field))
      require(constraints, {Field::l4proto, false, {{byte_key(*protocol), byte_key(*protocol)}}});
    require(constraints, {match->field, match->negated, operand_values(*match, sets), match->mask});
  }
  for (const Constraint& constraint : constraints) {
    const auto holds = known(constraint, place);
    if (holds && !*holds) return LoweredMatches{true, {}, {}};
    if (!holds) add(lowered, constraint, place);
  }
  sort_by_rank(lowered.single);
  return lowered;
}

}  // namespace weir::init
