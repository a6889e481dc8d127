// SPDX-License-Identifier: Apache-2.0
// THE redirect policy: RedirectConfig → Ruleset. Pure.
#pragma once

#include <string>
#include <string_view>

#include "init/redirect_config.hpp"
#include "init/rule.hpp"

namespace weir::init {

/// One before dstnat (-100), where the NAT chains of iptables, Docker and hand-written rules hang:
/// chains of equal priority run newest first, so at -100 the order would depend on who was
/// (re)installed last.
inline constexpr int kNatPriority = -101;

/// Rules and sets for `config`. Both families always: a family that nobody uses costs nothing, one
/// that is forgotten leaks. The order of the rules is the policy; it is explained in
/// plan_inbound.cpp and plan_outbound.cpp.
Ruleset plan_ruleset(const RedirectConfig& config);

/// Collects the sets and chains while the parts of the plan name them.
class RulesetBuilder {
 public:
  /// Adds the set when it has elements. @return whether it has: a rule that looks in an empty set
  /// is not worth having.
  bool add_set(std::string_view name, KeyType type, std::string_view comment,
               std::vector<Interval> elements);
  void add_map(VerdictMap map) { ruleset_.maps.push_back(std::move(map)); }
  void add_chain(Chain chain) { ruleset_.chains.push_back(std::move(chain)); }
  [[nodiscard]] bool has_set(std::string_view name) const {
    return ruleset_.find_set(name) != nullptr;
  }
  [[nodiscard]] bool has_map(std::string_view name) const {
    return ruleset_.find_map(name) != nullptr;
  }
  Ruleset take() { return std::move(ruleset_); }

 private:
  Ruleset ruleset_;
};

/// Chain prerouting.
Chain plan_prerouting(const RedirectConfig& config, RulesetBuilder& builder);
/// Regular chain for what virtual interfaces deliver. Needs the sets of plan_outbound().
Chain plan_virtual_inbound(const RedirectConfig& config, const RulesetBuilder& builder);
/// Chain output.
Chain plan_output(const RedirectConfig& config, RulesetBuilder& builder);
/// Regular chain for the proxy's own connections.
Chain plan_proxy_output(const RedirectConfig& config);
/// Regular chain that decides by destination for everybody else.
Chain plan_outbound(const RedirectConfig& config, RulesetBuilder& builder);

/// A long list of destinations is cut into slices of this many intervals, each a set with a chain
/// of its own, and a map finds the slice. The kernel dumps a set in pieces and walks it from its
/// start for each piece, so that reading one set of 100,000 back takes 0.8 s, and slices 0.06 s.
/// A lookup costs the same: the map's and the slice's trees together are as deep as the one tree
/// was.
inline constexpr std::size_t kSliceSize = 1024;

/// What to do with connections to a list of destinations.
struct DestinationPlan {
  IpFamily family{};
  std::string_view name;         // of the set, or of the map and the prefix of the slices' names
  std::string_view set_comment;  // what the set holds
  std::string_view rule_comment;
  Verdict verdict;  // Redirect or Accept; Return would only leave the slice
};
/// Adds the set, or map and slices, for `intervals` and the rule that uses them. Nothing for an
/// empty list.
void append_destinations(const DestinationPlan& plan, std::vector<Interval> intervals,
                         RulesetBuilder& builder, std::vector<Rule>& rules);
/// The include list (-i) of one family.
DestinationPlan captured_destinations(const RedirectConfig& config, IpFamily family);
/// Adds the rule alone, when the list is there.
void append_destination_rule(const DestinationPlan& plan, const RulesetBuilder& builder,
                             std::vector<Rule>& rules);

// Matches, as the plans spell them. Address and port matches bring the protocol match that nft
// needs before them.
using Matches = std::vector<std::variant<Match, Opaque>>;
Matches operator+(Matches left, const Matches& right);
Matches is_tcp();
Matches is_not_tcp();
Matches is_not_first_segment();
Matches in_set(Field field, std::string_view set);
Matches not_in_set(Field field, std::string_view set);
Matches equals(Field field, const Key& key);
Matches differs(Field field, const Key& key);
/// Connection tracking starts with the first NAT rule and takes the next segment of a running
/// connection for the first one of a new one; to redirect that would break the connection.
Rule leave_running_connections();
Rule make_rule(Matches matches, Verdict verdict, std::string_view comment);

namespace sets {
inline constexpr std::string_view kProxyUids = "proxy_uids";
inline constexpr std::string_view kProxyGids = "proxy_gids";
inline constexpr std::string_view kLoopback = "loopback_v4";
inline constexpr std::string_view kExcludedInterfaces = "excluded_interfaces";
inline constexpr std::string_view kVirtualInterfaces = "virtual_interfaces";
inline constexpr std::string_view kInboundPorts = "inbound_ports";
inline constexpr std::string_view kInboundExcludedPorts = "inbound_excluded_ports";
inline constexpr std::string_view kOutboundPorts = "outbound_ports";
inline constexpr std::string_view kOutboundExcludedPorts = "outbound_excluded_ports";
inline constexpr std::string_view kOutboundV4 = "outbound_v4";
inline constexpr std::string_view kOutboundV6 = "outbound_v6";
inline constexpr std::string_view kOutboundExcludedV4 = "outbound_excluded_v4";
inline constexpr std::string_view kOutboundExcludedV6 = "outbound_excluded_v6";
inline constexpr std::string_view kOwnerGroups = "owner_groups";
inline constexpr std::string_view kExcludedGroups = "owner_groups_excluded";
}  // namespace sets

namespace chains {
inline constexpr std::string_view kPrerouting = "prerouting";
inline constexpr std::string_view kOutput = "output";
inline constexpr std::string_view kProxyOutput = "proxy_output";
inline constexpr std::string_view kOutbound = "outbound";
inline constexpr std::string_view kVirtualInbound = "virtual_inbound";
}  // namespace chains

}  // namespace weir::init
