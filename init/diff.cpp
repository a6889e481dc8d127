// SPDX-License-Identifier: Apache-2.0
#include "init/diff.hpp"

#include <algorithm>
#include <iterator>

#include "init/render.hpp"

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

void diff_elements(const Set& desired, const Set& observed, Diff& diff) {
  std::vector<Interval> missing;
  std::vector<Interval> extra;
  std::set_difference(desired.elements.begin(), desired.elements.end(), observed.elements.begin(),
                      observed.elements.end(), std::back_inserter(missing));
  std::set_difference(observed.elements.begin(), observed.elements.end(), desired.elements.begin(),
                      desired.elements.end(), std::back_inserter(extra));
  if (!missing.empty())
    diff.push_back(described(
        "set", desired.name,
        std::to_string(missing.size()) + " to add (" + examples(desired.type, missing) + ")"));
  if (!extra.empty())
    diff.push_back(described(
        "set", desired.name,
        std::to_string(extra.size()) + " to remove (" + examples(desired.type, extra) + ")"));
}

void diff_set(const Set& desired, const Set& observed, Diff& diff) {
  if (desired == observed) return;
  if (desired.type != observed.type) diff.push_back(described("set", desired.name, "another type"));
  if (!observed.unknown.empty()) diff.push_back(described("set", desired.name, observed.unknown));
  if (desired.comment != observed.comment)
    diff.push_back(described("set", desired.name, "another comment"));
  if (desired.type == observed.type) diff_elements(desired, observed, diff);
}

void diff_rule(const Chain& chain, std::size_t index, const Rule* desired, const Rule* observed,
               Diff& diff) {
  const std::string place = "rule " + std::to_string(index + 1) + " ";
  if (observed == nullptr)
    diff.push_back(described("chain", chain.name, place + "is missing: " + render_rule(*desired)));
  else if (desired == nullptr)
    diff.push_back(
        described("chain", chain.name, place + "is not ours: " + render_rule(*observed)));
  else if (const auto have = render_rule(*observed), want = render_rule(*desired); have != want)
    diff.push_back(described("chain", chain.name, place + "is: " + have + "; should be: " + want));
  else if (!(*desired == *observed))
    diff.push_back(
        described("chain", chain.name, place + "has another comment: " + observed->comment));
}

void diff_chain(const Chain& desired, const Chain& observed, Diff& diff) {
  if (desired == observed) return;
  if (desired.base != observed.base)
    diff.push_back(described("chain", desired.name, "another hook or priority"));
  if (!observed.unknown.empty()) diff.push_back(described("chain", desired.name, observed.unknown));
  const std::size_t count = std::max(desired.rules.size(), observed.rules.size());
  for (std::size_t i = 0; i < count; ++i)
    diff_rule(desired, i, i < desired.rules.size() ? &desired.rules[i] : nullptr,
              i < observed.rules.size() ? &observed.rules[i] : nullptr, diff);
}

}  // namespace

Diff diff_rulesets(const Ruleset& desired, const Ruleset& observed) {
  Diff diff;
  if (desired.comment != observed.comment)
    diff.push_back(described("table", kTableName, "another comment"));
  if (desired.flags != observed.flags)
    diff.push_back(described("table", kTableName, "flags are " + std::to_string(observed.flags)));
  for (const Set& set : desired.sets) {
    if (const Set* other = observed.find_set(set.name))
      diff_set(set, *other, diff);
    else
      diff.push_back(described("set", set.name, "to be added"));
  }
  for (const Set& set : observed.sets)
    if (desired.find_set(set.name) == nullptr)
      diff.push_back(described("set", set.name, "to be removed"));
  for (const Chain& chain : desired.chains) {
    if (const Chain* other = observed.find_chain(chain.name))
      diff_chain(chain, *other, diff);
    else
      diff.push_back(described("chain", chain.name, "to be added"));
  }
  for (const Chain& chain : observed.chains)
    if (desired.find_chain(chain.name) == nullptr)
      diff.push_back(described("chain", chain.name, "to be removed"));
  return diff;
}

}  // namespace weir::init
