// SPDX-License-Identifier: Apache-2.0
#include "init/report.hpp"

#include <cassert>
#include <cstdio>
#include <string_view>

#include "init/plan.hpp"

namespace weir::init {
namespace {

constexpr std::size_t kLinesMax = 10;

std::string counts(const Ruleset& rules) {
  return std::to_string(rules.rule_count()) + " rules, " + std::to_string(rules.sets.size()) +
         " sets (" + std::to_string(rules.element_count()) + " elements), IPv4 and IPv6";
}

std::string in_milliseconds(double milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "in %.1f ms", milliseconds);
  return text;
}

}  // namespace

std::string describe_outcome(const InstallReport& report, const Ruleset& rules,
                             double milliseconds) {
  const std::string time = in_milliseconds(milliseconds);
  switch (report.outcome) {
    case Outcome::installed:
      return "installed: table inet weir, " + counts(rules) + ", read back and equal, " + time;
    case Outcome::replaced:
      return "replaced: table inet weir, " + counts(rules) + ", read back and equal, " + time;
    case Outcome::unchanged:
      return "unchanged: table inet weir already has exactly these " + counts(rules) + ", " + time;
    case Outcome::mismatch:
      return "verification failed: the kernel holds other rules than were sent";
  }
  assert(false);
  return {};
}

std::vector<std::string> describe_changes(const InstallReport& report) {
  std::vector<std::string> lines;
  const std::string lead = report.outcome == Outcome::mismatch ? "different: " : "changed: ";
  for (const std::string& change : report.changes) {
    if (lines.size() == kLinesMax) {
      lines.push_back(lead + "and " + std::to_string(report.changes.size() - kLinesMax) + " more");
      break;
    }
    lines.push_back(lead + change);
  }
  return lines;
}

std::vector<std::string> describe_conflicts(const std::vector<OtherNat>& other_nat) {
  std::vector<std::string> lines;
  for (const OtherNat& other : other_nat) {
    const std::string_view order = other.priority < kNatPriority ? "before ours"
                                   : other.priority > kNatPriority
                                       ? "after ours"
                                       : "before or after ours, whichever is newer";
    lines.push_back("warning: other NAT rules decide " + std::string(order) + ": " + other.place +
                    " (priority " + std::to_string(other.priority) + ")");
  }
  return lines;
}

std::string describe_removal(bool rules_removed, const std::vector<std::string>& routing) {
  if (!rules_removed && routing.empty()) return "unchanged: nothing of ours is here";
  std::string text = "removed:";
  if (rules_removed) text += " table inet weir";
  bool first = !rules_removed;
  for (const std::string& item : routing) {
    text += (first ? " " : ", ") + item;
    first = false;
  }
  return text;
}

}  // namespace weir::init
