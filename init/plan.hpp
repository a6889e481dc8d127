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
  void add_chain(Chain chain) { ruleset_.chains.push_back(std::move(chain)); }
  [[nodiscard]] bool has_set(std::string_view name) const {
    return ruleset_.find_set(name) != nullptr;
  }
  Ruleset take() { return std::move(ruleset_); }

 private:
  Ruleset ruleset_;
};

/// Chain prerouting, and virtual_inbound when there are virtual interfaces.
Chain plan_prerouting(const RedirectConfig& config, RulesetBuilder& builder);
/// Regular chain for what virtual interfaces deliver. Needs the sets of plan_outbound().
Chain plan_virtual_inbound(const RedirectConfig& config, const RulesetBuilder& builder);
/// Chain output.
Chain plan_output(const RedirectConfig& config, RulesetBuilder& builder);
/// Regular chain for the proxy's own connections.
Chain plan_proxy_output(const RedirectConfig& config);
/// Regular chain that decides by destination for everybody else.
Chain plan_outbound(const RedirectConfig& config, RulesetBuilder& builder);

// Matches, as the plans spell them. Address and port matches bring the protocol match that nft
// needs before them.
using Matches = std::vector<std::variant<Match, Opaque>>;
Matches operator+(Matches left, const Matches& right);
Matches is_tcp();
Matches is_not_tcp();
Matches in_set(Field field, std::string_view set);
Matches not_in_set(Field field, std::string_view set);
Matches equals(Field field, const Key& key);
Matches differs(Field field, const Key& key);
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
