// SPDX-License-Identifier: Apache-2.0
// THE redirect policy: RedirectConfig → Ruleset. Pure.
#pragma once

#include <string>
#include <string_view>

#include "init/rules/redirect_config.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// One before dstnat (-100), where the NAT chains of iptables, Docker and hand-written rules hang:
/// chains of equal priority run newest first, so at -100 the order would depend on who was
/// (re)installed last.
inline constexpr int kNatPriority = -101;

/// Rules and sets for `config`. Both families always: a family that nobody uses costs nothing, one
/// that is forgotten leaks. The order of the rules is the policy; it is explained in plan_*.cpp.
Ruleset plan_ruleset(const RedirectConfig& config);

// Chains of other types run every packet, so each is there only when something needs it.
/// Two before mangle (-150): invalid packets go before anybody looks at them.
inline constexpr int kInvalidPriority = -152;
/// One before mangle, where CNIs and iptables set their marks.
inline constexpr int kTproxyPriority = -151;
/// One before raw (-300), where zones must be set: before connection tracking (-200).
inline constexpr int kZonePriority = -301;
/// One before the filter chains of others: who waits has not arrived yet.
inline constexpr int kHoldPriority = -1;
/// After the filter chains of others, and after NAT has decided.
inline constexpr int kRejectPriority = 1;

inline constexpr std::uint16_t kDnsServerPort = 53;
inline constexpr std::uint16_t kQuicPort = 443;

/// Connection tracking zone of captured DNS requests. The proxy's own requests stay in zone 0.
inline constexpr std::uint16_t kDnsZone = 2;

// Matches, as the plans spell them. Address and port matches bring the protocol match that nft
// needs before them.
using Matches = std::vector<std::variant<Match, Opaque>>;
Matches operator+(Matches left, const Matches& right);
Matches is_tcp();
Matches is_udp();
Matches is_not_tcp();
Matches is_ipv4();
Matches is_ipv6();
Matches is_first_segment();
Matches is_not_first_segment();
Matches leaves_by_lo();
Matches in_set(Field field, std::string_view set);
Matches not_in_set(Field field, std::string_view set);
Matches equals(Field field, const Key& key);
Matches differs(Field field, const Key& key);
/// @param field Field::mark or Field::ct_mark; only the mask's bits are compared.
Matches has_mark(Field field, std::uint32_t mark, const TproxyMarks& marks);
/// Connection tracking starts with the first NAT rule and takes the next segment of a running
/// connection for the first one of a new one; to redirect that would break the connection.
Rule leave_running_connections();
Rule make_rule(Matches matches, Verdict verdict, std::string_view comment);
IpAddress parse_constant(std::string_view text);

// What a configuration asks for at all.
bool is_tproxy(const RedirectConfig& config);
/// Whether any connection of the application is captured, DNS aside.
bool captures_outbound(const RedirectConfig& config);
/// Not when port 53 is excluded (-o), nor when there is no server to capture.
bool captures_dns(const RedirectConfig& config);
/// Whether a rule redirects to the inbound port.
bool redirects_inbound(const RedirectConfig& config);

/// Collects the sets and chains while the parts of the plan name them.
class RulesetBuilder {
 public:
  /// Adds the set when it has elements: a rule that looks in an empty set is not worth having.
  void add_set(std::string_view name, KeyType type, std::string_view comment,
               std::vector<Interval> elements);
  void add_map(VerdictMap map) { ruleset_.maps.push_back(std::move(map)); }
  void add_timeout(CtTimeout timeout) { ruleset_.timeouts.push_back(std::move(timeout)); }
  void add_chain(Chain chain) { ruleset_.chains.push_back(std::move(chain)); }
  [[nodiscard]] const Set* find_set(std::string_view name) const { return ruleset_.find_set(name); }
  [[nodiscard]] bool has_set(std::string_view name) const { return find_set(name) != nullptr; }
  [[nodiscard]] bool has_map(std::string_view name) const {
    return ruleset_.find_map(name) != nullptr;
  }
  /// Base chains come first.
  Ruleset take();

 private:
  Ruleset ruleset_;
};

/// All sets that the chains look into.
void add_sets(const RedirectConfig& config, RulesetBuilder& builder);
/// Name of the users' set of config.user_exclusions[number]; the ports' ends in "_ports".
std::string user_exclusion_set(std::size_t number);

// Each adds its chains, and none when the configuration does not ask for them.
void plan_inbound(const RedirectConfig& config, RulesetBuilder& builder);
void plan_outbound(const RedirectConfig& config, RulesetBuilder& builder);
/// The chains that redirect, with timeouts, and the one that counts what nothing can redirect.
void plan_redirects(const RedirectConfig& config, RulesetBuilder& builder);
void plan_tproxy(const RedirectConfig& config, RulesetBuilder& builder);
void plan_dns_zones(const RedirectConfig& config, RulesetBuilder& builder);
void plan_drop_invalid(const RedirectConfig& config, RulesetBuilder& builder);
void plan_hold(const RedirectConfig& config, RulesetBuilder& builder);
void plan_reject(const RedirectConfig& config, RulesetBuilder& builder);

/// A long list of destinations is cut into slices of this many intervals, each a set with a chain
/// of its own, and a map finds the slice. The kernel dumps a set in pieces and walks it from its
/// start for each piece, so that reading one set of 100,000 back takes 0.8 s, and slices 0.06 s.
/// A lookup costs the same: the map's and the slice's trees together are as deep as the one tree
/// was.
inline constexpr std::size_t kSliceSize = 1024;

/// What to do with connections to a list of destinations.
struct DestinationPlan {
  IpFamily family{};
  std::string_view sets;         // name of the set, or prefix of the slices' names
  std::string_view name;         // of the map, prefix of the chains of its slices
  std::string_view set_comment;  // what the set holds
  std::string_view rule_comment;
  Verdict verdict;  // one that ends the decision; Return would only leave the slice
};
/// The include list (-i) of one family; goes to the outbound port.
DestinationPlan captured_destinations(IpFamily family);
/// The exclude list (-x) of one family.
DestinationPlan excluded_destinations(IpFamily family);
/// Adds the set, or the slices, for `intervals`. Nothing for an empty list.
void add_destination_sets(const DestinationPlan& plan, std::vector<Interval> intervals,
                          RulesetBuilder& builder);
/// Adds the rule, and map and chains of the slices, when the list is there.
void append_destinations(const DestinationPlan& plan, RulesetBuilder& builder,
                         std::vector<Rule>& rules);

// Parts of a decision that several chains make alike. Each adds the rules that the configuration
// asks for.
void append_excluded_interfaces(Field field, const RulesetBuilder& builder,
                                std::vector<Rule>& rules);
/// Leaves IPv6 alone where it is not captured.
void append_uncaptured_ipv6(const RedirectConfig& config, std::vector<Rule>& rules);
/// By client and port: `capture` for what the proxy gets.
void append_inbound_decision(const RedirectConfig& config, const RulesetBuilder& builder,
                             const Verdict& capture, std::vector<Rule>& rules);
/// Interfaces, ports, and ports of users that are left alone.
void append_outbound_exclusions(const RedirectConfig& config, const RulesetBuilder& builder,
                                bool with_udp, std::vector<Rule>& rules);
void append_user_exclusions(const RedirectConfig& config, const RulesetBuilder& builder, bool udp,
                            std::vector<Rule>& rules);
/// What the application opens to its own namespace, unless the include list asks for it.
void append_own_namespace(const RedirectConfig& config, std::vector<Rule>& rules);
/// @param interface Field::oifname or Field::iifname.
void append_passthrough(Field interface, std::vector<Rule>& rules);
void append_proxy_identity(const Verdict& verdict, const RulesetBuilder& builder,
                           std::vector<Rule>& rules);
/// `application` for the groups that are captured, Return for the others.
void append_owner_groups(const OwnerGroups& groups, const RulesetBuilder& builder,
                         const Verdict& application, std::vector<Rule>& rules);
/// The proxy's own connections to an address of its namespace.
void append_own_address(const RedirectConfig& config, const Verdict& capture,
                        std::vector<Rule>& rules);
void append_dns_redirects(const RedirectConfig& config, const RulesetBuilder& builder,
                          std::vector<Rule>& rules);
void append_timeouts(const RedirectConfig& config, std::vector<Rule>& rules);

void add_virtual_network_sets(const RedirectConfig& config, RulesetBuilder& builder);
void append_virtual_networks(const RedirectConfig& config, std::vector<Rule>& rules);
/// Leaves their outbound traffic alone, where only inbound traffic is decided.
void append_virtual_networks_left_out(const RedirectConfig& config, std::vector<Rule>& rules);

/// What happens to what the destination makes the proxy's.
struct OutboundCapture {
  Verdict verdict;
  Matches protocol;  // of the rule for everything
  std::string_view
      name_v4;  // DestinationPlan::name, where the verdict is not that of the NAT chain
  std::string_view name_v6;
  bool by_port = true;      // ports (-q) are looked at
  bool everything = false;  // whatever the address
};
/// By destination: -x, -q, -i.
void append_outbound_decision(const RedirectConfig& config, RulesetBuilder& builder,
                              const OutboundCapture& capture, std::vector<Rule>& rules);

/// Escapes are counted by rules whose comment begins so.
inline constexpr std::string_view kEscapePrefix = "escapes:";
/// Timeout objects of captured connections.
inline constexpr std::string_view kTimeoutV4 = "captured_v4";
inline constexpr std::string_view kTimeoutV6 = "captured_v6";

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
inline constexpr std::string_view kExcludedSourcesV4 = "excluded_sources_v4";
inline constexpr std::string_view kExcludedSourcesV6 = "excluded_sources_v6";
inline constexpr std::string_view kDnsServersV4 = "dns_servers_v4";
inline constexpr std::string_view kDnsServersV6 = "dns_servers_v6";
inline constexpr std::string_view kProxyPorts = "proxy_ports";
inline constexpr std::string_view kOwnerGroups = "owner_groups";
inline constexpr std::string_view kExcludedGroups = "owner_groups_excluded";
}  // namespace sets

namespace chains {
inline constexpr std::string_view kPrerouting = "prerouting";
inline constexpr std::string_view kOutput = "output";
inline constexpr std::string_view kProxyOutput = "proxy_output";
inline constexpr std::string_view kOutbound = "outbound";
inline constexpr std::string_view kVirtualInbound = "virtual_inbound";
inline constexpr std::string_view kToInbound = "to_inbound";
inline constexpr std::string_view kToOutbound = "to_outbound";
inline constexpr std::string_view kEscapes = "escapes";
inline constexpr std::string_view kTproxyPrerouting = "tproxy_prerouting";
inline constexpr std::string_view kTproxyOutput = "tproxy_output";
inline constexpr std::string_view kTproxyProxyOutput = "tproxy_proxy_output";
inline constexpr std::string_view kToTransparent = "to_transparent";
inline constexpr std::string_view kToApplication = "to_application";
inline constexpr std::string_view kDnsZonesOutput = "dns_zones_output";
inline constexpr std::string_view kDnsZonesRequests = "dns_zones_requests";
inline constexpr std::string_view kDropInvalid = "drop_invalid";
inline constexpr std::string_view kHold = "hold";
inline constexpr std::string_view kHeld = "held";
inline constexpr std::string_view kRejectOutput = "reject_output";
inline constexpr std::string_view kRejectQuic = "reject_quic";
inline constexpr std::string_view kRejectIpv6 = "reject_ipv6";
inline constexpr std::string_view kRejectInput = "reject_input";
inline constexpr std::string_view kBlockGuests = "block_guests";
inline constexpr std::string_view kBlockedGuests = "blocked_guests";
}  // namespace chains

}  // namespace weir::init
