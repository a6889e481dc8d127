// SPDX-License-Identifier: Apache-2.0
#include "init/install/report.hpp"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <string_view>

#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

constexpr std::size_t kLinesMax = 10;

std::string counts(const Ruleset& rules) {
  const auto has = [&](std::string_view prefix) {
    return std::any_of(rules.chains.begin(), rules.chains.end(),
                       [&](const Chain& chain) { return chain.name.starts_with(prefix); });
  };
  std::string text = std::to_string(rules.rule_count()) + " rules, ";
  // Legacy tables are one family's each, and hold no sets.
  if (has("ip/")) return text + (has("ip6/") ? "IPv4 and IPv6" : "IPv4 only");
  return text + std::to_string(rules.sets.size()) + " sets (" +
         std::to_string(rules.element_count()) + " elements), IPv4 and IPv6";
}

std::string in_milliseconds(double milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "in %.1f ms", milliseconds);
  return text;
}

}  // namespace

std::string_view place_of_rules(std::string_view backend) {
  return backend == "legacy" ? "chains WEIR_* of iptables-legacy" : "table inet weir";
}

std::string describe_outcome(const InstallReport& report, const Ruleset& rules, double milliseconds,
                             std::string_view backend) {
  const std::string time = in_milliseconds(milliseconds);
  const std::string place(place_of_rules(backend));
  const std::string_view have = backend == "legacy" ? " already have" : " already has";
  switch (report.outcome) {
    case Outcome::installed:
      return "installed: " + place + ", " + counts(rules) + ", read back and equal, " + time;
    case Outcome::replaced:
      return "replaced: " + place + ", " + counts(rules) + ", read back and equal, " + time;
    case Outcome::unchanged:
      return "unchanged: " + place + std::string(have) + " exactly these " + counts(rules) + ", " +
             time;
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

std::string describe_removal(const std::vector<std::string>& rules,
                             const std::vector<std::string>& routing) {
  std::string text;
  for (const auto* items : {&rules, &routing})
    for (const std::string& item : *items) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? "unchanged: nothing of ours is here" : "removed: " + text;
}

}  // namespace weir::init
