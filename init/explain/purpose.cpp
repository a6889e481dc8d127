// SPDX-License-Identifier: Apache-2.0
#include "init/explain/purpose.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

namespace weir::init {
namespace {

// The plan's chain names are the same in both backends but for case and prefix.
bool is_hold_chain(std::string_view name) {
  return name == "hold" || name == "held" || name.ends_with("/WEIR_HOLD") ||
         name.ends_with("/WEIR_HELD");
}

constexpr std::string_view kEscape = "escapes: ";

// Said by the rule that redirects; the ports are the configuration's.
Purpose purpose_of_port(std::uint16_t port, const RedirectConfig& config) {
  if (port == config.inbound_port) return Purpose::redirected_inbound;
  if (port == config.outbound_port) return Purpose::redirected_outbound;
  return Purpose::redirected_dns;
}

std::optional<Purpose> purpose_of(const Chain& chain, const Rule& rule,
                                  const RedirectConfig& config) {
  if (rule.comment.starts_with(kEscape)) return Purpose::escaped;
  if (const auto* redirect = std::get_if<Redirect>(&rule.verdict))
    return purpose_of_port(redirect->port, config);
  if (std::holds_alternative<Tproxy>(rule.verdict)) return Purpose::handed_over;
  if (std::holds_alternative<Reject>(rule.verdict)) return Purpose::rejected;
  if (std::holds_alternative<Drop>(rule.verdict))
    return is_hold_chain(chain.name) ? Purpose::held : Purpose::dropped;
  if (is_hold_chain(chain.name)) return std::nullopt;  // what is let through was redirected before
  if (std::holds_alternative<Return>(rule.verdict) || std::holds_alternative<Accept>(rule.verdict))
    return Purpose::left_alone;
  return std::nullopt;
}

void add(std::vector<PurposeCount>& counts, Purpose purpose, const std::string& reason,
         std::uint64_t packets) {
  for (PurposeCount& count : counts)
    if (count.purpose == purpose && count.reason == reason) {
      count.packets += packets;
      return;
    }
  counts.push_back({purpose, reason, packets});
}

}  // namespace

std::string_view purpose_name(Purpose purpose) {
  switch (purpose) {
    case Purpose::redirected_outbound:
      return "redirected outbound";
    case Purpose::redirected_inbound:
      return "redirected inbound";
    case Purpose::redirected_dns:
      return "redirected DNS";
    case Purpose::handed_over:
      return "handed over";
    case Purpose::left_alone:
      return "left alone";
    case Purpose::escaped:
      return "escaped";
    case Purpose::held:
      return "held";
    case Purpose::dropped:
      return "dropped";
    case Purpose::rejected:
      return "rejected";
  }
  assert(false);
  return {};
}

std::vector<PurposeCount> count_purposes(const Observed& observed, const RedirectConfig& config) {
  std::vector<PurposeCount> counts;
  if (!observed.rules) return counts;
  for (const RuleCounter& counter : observed.counters) {
    const Chain* chain = observed.rules->find_chain(counter.chain);
    if (chain == nullptr || counter.rule >= chain->rules.size()) continue;
    const Rule& rule = chain->rules[counter.rule];
    if (const auto purpose = purpose_of(*chain, rule, config))
      add(counts, *purpose, rule.comment.substr(*purpose == Purpose::escaped ? kEscape.size() : 0),
          counter.packets);
  }
  std::stable_sort(counts.begin(), counts.end(), [](const PurposeCount& a, const PurposeCount& b) {
    return a.purpose < b.purpose;
  });
  return counts;
}

}  // namespace weir::init
