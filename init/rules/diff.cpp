// SPDX-License-Identifier: Apache-2.0
#include "init/rules/diff.hpp"

#include <algorithm>
#include <iterator>

#include "init/rules/render.hpp"

namespace weir::init {
namespace {

std::string described(std::string_view kind, std::string_view name, std::string_view how) {
  return std::string(kind) + " '" + std::string(name) + "': " + std::string(how);
}

// Up to three examples, so that the line says which without printing a hundred thousand.
std::string examples(KeyType type, const std::vector<Interval>& intervals) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, intervals.size()); ++i)
    text += (i == 0 ? "" : ", ") + render_interval(type, intervals[i]);
  return text + (intervals.size() > kShown ? ", …" : "");
}

std::vector<Interval> without(const std::vector<Interval>& left,
                              const std::vector<Interval>& right) {
  std::vector<Interval> rest;
  std::set_difference(left.begin(), left.end(), right.begin(), right.end(),
                      std::back_inserter(rest));
  return rest;
}

void diff_elements(const Set& desired, const Set& observed, Diff& diff) {
  const auto missing = without(desired.elements, observed.elements);
  const auto extra = without(observed.elements, desired.elements);
  const auto say = [&](const std::vector<Interval>& intervals, std::string_view what) {
    if (!intervals.empty())
      diff.push_back(described("set", desired.name,
                               std::to_string(intervals.size()) + " to " + std::string(what) +
                                   " (" + examples(desired.type, intervals) + ")"));
  };
  say(missing, "add");
  say(extra, "remove");
}

void diff_pair(const Set& desired, const Set& observed, Diff& diff) {
  if (desired.type != observed.type) diff.push_back(described("set", desired.name, "another type"));
  if (!observed.unknown.empty()) diff.push_back(described("set", desired.name, observed.unknown));
  if (desired.comment != observed.comment)
    diff.push_back(described("set", desired.name, "another comment"));
  if (desired.type == observed.type) diff_elements(desired, observed, diff);
}

void diff_pair(const VerdictMap& desired, const VerdictMap& observed, Diff& diff) {
  diff.push_back(described("map", desired.name,
                           observed.unknown.empty() ? "other entries" : observed.unknown));
}

void diff_pair(const CtTimeout& desired, const CtTimeout& observed, Diff& diff) {
  diff.push_back(described("ct timeout", desired.name,
                           observed.unknown.empty() ? "another family or time" : observed.unknown));
}

std::string rule_text(const Rule& rule) {
  return render_rule(rule) + " comment \"" + rule.comment + '"';
}

// Longest common subsequence: what an insertion at the top shifts down is not a difference.
void diff_rules(const Chain& desired, const Chain& observed, Diff& diff) {
  const auto& want = desired.rules;
  const auto& have = observed.rules;
  std::vector<std::vector<std::size_t>> common(want.size() + 1,
                                               std::vector<std::size_t>(have.size() + 1));
  for (std::size_t i = want.size(); i-- > 0;)
    for (std::size_t j = have.size(); j-- > 0;)
      common[i][j] = want[i] == have[j] ? common[i + 1][j + 1] + 1
                                        : std::max(common[i + 1][j], common[i][j + 1]);
  for (std::size_t i = 0, j = 0; i < want.size() || j < have.size();) {
    if (i < want.size() && j < have.size() && want[i] == have[j]) {
      ++i, ++j;
    } else if (j == have.size() || (i < want.size() && common[i + 1][j] >= common[i][j + 1])) {
      diff.push_back(described("chain", desired.name,
                               "rule " + std::to_string(i + 1) + " to add: " + rule_text(want[i])));
      ++i;
    } else {
      diff.push_back(
          described("chain", desired.name,
                    "rule " + std::to_string(j + 1) + " to remove: " + rule_text(have[j])));
      ++j;
    }
  }
}

void diff_pair(const Chain& desired, const Chain& observed, Diff& diff) {
  if (desired.base != observed.base)
    diff.push_back(described("chain", desired.name, "another hook or priority"));
  if (!observed.unknown.empty()) diff.push_back(described("chain", desired.name, observed.unknown));
  diff_rules(desired, observed, diff);
}

template <class T, class Find>
void diff_named(std::string_view kind, const std::vector<T>& desired,
                const std::vector<T>& observed, const Find& find, Diff& diff) {
  for (const T& item : desired) {
    const T* other = find(observed, item.name);
    if (other == nullptr)
      diff.push_back(described(kind, item.name, "to add"));
    else if (!(item == *other))
      diff_pair(item, *other, diff);
  }
  for (const T& item : observed)
    if (find(desired, item.name) == nullptr)
      diff.push_back(described(kind, item.name, "to remove"));
}

}  // namespace

Diff diff_rulesets(const Ruleset& desired, const Ruleset& observed) {
  Diff diff;
  if (desired.comment != observed.comment)
    diff.push_back(described("table", kTableName, "another comment"));
  if (desired.flags != observed.flags)
    diff.push_back(described("table", kTableName, "flags are " + std::to_string(observed.flags)));
  const auto find = [](const auto& items, std::string_view name) {
    const auto at =
        std::find_if(items.begin(), items.end(), [&](const auto& i) { return i.name == name; });
    return at == items.end() ? nullptr : &*at;
  };
  diff_named("set", desired.sets, observed.sets, find, diff);
  diff_named("map", desired.maps, observed.maps, find, diff);
  diff_named("ct timeout", desired.timeouts, observed.timeouts, find, diff);
  diff_named("chain", desired.chains, observed.chains, find, diff);
  return diff;
}

}  // namespace weir::init
