// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "init/install/drift.hpp"
#include "init/rules/render.hpp"

namespace weir::init {
namespace {

using Lines = std::vector<std::string>;

// What two lists of lines have in common, longest first: lengths[i][j] for the ends that begin at i
// and j.
std::vector<std::vector<std::uint32_t>> common_lengths(const Lines& left, const Lines& right) {
  std::vector lengths(left.size() + 1, std::vector<std::uint32_t>(right.size() + 1));
  for (std::size_t i = left.size(); i-- > 0;)
    for (std::size_t j = right.size(); j-- > 0;)
      lengths[i][j] = left[i] == right[j] ? lengths[i + 1][j + 1] + 1
                                          : std::max(lengths[i + 1][j], lengths[i][j + 1]);
  return lengths;
}

// A chain of a plan has tens of rules; only a list that somebody else made could be longer.
constexpr std::size_t kOrderedMax = 2000;

void append_changes(const Lines& live, const Lines& desired, Lines& lines) {
  if (live.size() > kOrderedMax || desired.size() > kOrderedMax) {
    for (const std::string& line : live) lines.push_back("-" + line);
    for (const std::string& line : desired) lines.push_back("+" + line);
    return;
  }
  const auto common = common_lengths(live, desired);
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < live.size() || j < desired.size()) {
    if (i < live.size() && j < desired.size() && live[i] == desired[j]) {
      lines.push_back(" " + live[i]);
      ++i, ++j;
    } else if (j == desired.size() || (i < live.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back("-" + live[i++]);
    } else {
      lines.push_back("+" + desired[j++]);
    }
  }
}

std::string base_line(const BaseHook& base) {
  static constexpr std::string_view kTypes[] = {"nat", "filter", "route"};
  static constexpr std::string_view kHooks[] = {"prerouting", "input", "output"};
  return "  type " + std::string(kTypes[static_cast<std::size_t>(base.type)]) + " hook " +
         std::string(kHooks[static_cast<std::size_t>(base.hook)]) + " priority " +
         std::to_string(base.priority);
}

Lines lines_of(const Chain& chain) {
  Lines lines;
  if (chain.base) lines.push_back(base_line(*chain.base));
  if (!chain.unknown.empty()) lines.push_back("  " + chain.unknown);
  for (const Rule& rule : chain.rules)
    lines.push_back("  " + render_rule(rule) + " comment \"" + rule.comment + "\"");
  return lines;
}

Lines lines_of(const Set& set) {
  Lines lines{"  comment \"" + set.comment + "\""};
  if (!set.unknown.empty()) lines.push_back("  " + set.unknown);
  for (const Interval& element : set.elements)
    lines.push_back("  " + render_interval(set.type, element));
  return lines;
}

Lines lines_of(const VerdictMap& map) {
  Lines lines{"  comment \"" + map.comment + "\""};
  if (!map.unknown.empty()) lines.push_back("  " + map.unknown);
  for (const MapElement& element : map.elements)
    lines.push_back("  " + render_interval(map.type, element.range) + " : jump " + element.chain);
  return lines;
}

Lines lines_of(const CtTimeout& timeout) {
  Lines lines{"  close_wait " + std::to_string(timeout.close_wait) + " s"};
  if (!timeout.unknown.empty()) lines.push_back("  " + timeout.unknown);
  return lines;
}

// Unchanged lines are left out of long lists, but for some around each change.
Lines near_changes(const Lines& lines) {
  constexpr std::ptrdiff_t kAround = 2;
  Lines near;
  const auto is_change = [](const std::string& line) { return line[0] != ' '; };
  for (auto at = lines.begin(); at != lines.end(); ++at) {
    const auto from = at - std::min(kAround, at - lines.begin());
    const auto to = at + std::min(kAround + 1, lines.end() - at);
    if (std::any_of(from, to, is_change)) near.push_back(*at);
  }
  return near;
}

template <class T>
const T* find_in(const std::vector<T>& list, std::string_view name) {
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const T& t) { return t.name == name; });
  return at == list.end() ? nullptr : &*at;
}

template <class T>
void append_group(std::string_view kind, const T* desired, const T* live, Lines& lines) {
  if (desired != nullptr && live != nullptr && *desired == *live) return;
  const std::string name = desired != nullptr ? desired->name : live->name;
  std::string title = "@@ " + std::string(kind) + " '" + name + "' @@";
  if (live == nullptr) title += " not there";
  if (desired == nullptr) title += " not wanted";
  lines.push_back(std::move(title));
  Lines changes;
  append_changes(live != nullptr ? lines_of(*live) : Lines{},
                 desired != nullptr ? lines_of(*desired) : Lines{}, changes);
  changes = near_changes(changes);
  lines.insert(lines.end(), changes.begin(), changes.end());
}

template <class T>
void append_groups(std::string_view kind, const std::vector<T>& desired, const std::vector<T>& live,
                   Lines& lines) {
  for (const T& one : desired) append_group(kind, &one, find_in(live, one.name), lines);
  for (const T& one : live)
    if (find_in(desired, one.name) == nullptr) append_group<T>(kind, nullptr, &one, lines);
}

}  // namespace

std::vector<std::string> delta_lines(const Ruleset& desired, const Ruleset& live) {
  Lines lines;
  if (desired.comment != live.comment) {
    lines.push_back("-table comment \"" + live.comment + "\"");
    lines.push_back("+table comment \"" + desired.comment + "\"");
  }
  if (desired.flags != live.flags) {
    lines.push_back("-table flags " + std::to_string(live.flags));
    lines.push_back("+table flags " + std::to_string(desired.flags));
  }
  append_groups("set", desired.sets, live.sets, lines);
  append_groups("map", desired.maps, live.maps, lines);
  append_groups("ct timeout", desired.timeouts, live.timeouts, lines);
  append_groups("chain", desired.chains, live.chains, lines);
  return lines;
}

}  // namespace weir::init
