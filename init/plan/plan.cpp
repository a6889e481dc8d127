// SPDX-License-Identifier: Apache-2.0
#include "init/plan/plan.hpp"

#include <algorithm>

#include "common/kernel_headers.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

// What nft puts in front of a match in an inet table so that the header is what the match takes it
// for.
Matches protocol_of(Field field) {
  switch (field) {
    case Field::ip_saddr:
    case Field::ip_daddr:
      return {Match{Field::nfproto, false, byte_key(NFPROTO_IPV4)}};
    case Field::ip6_saddr:
    case Field::ip6_daddr:
      return {Match{Field::nfproto, false, byte_key(NFPROTO_IPV6)}};
    case Field::tcp_dport:
    case Field::tcp_flags:
      return is_tcp();
    case Field::udp_dport:
    case Field::udp_sport:
      return is_udp();
    default:
      return {};
  }
}

Matches with_protocol(Field field, bool negated, decltype(Match::operand) operand) {
  return protocol_of(field) + Matches{Match{field, negated, std::move(operand)}};
}

}  // namespace

Matches operator+(Matches left, const Matches& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Matches is_tcp() { return {Match{Field::l4proto, false, byte_key(IPPROTO_TCP)}}; }
Matches is_not_tcp() { return {Match{Field::l4proto, true, byte_key(IPPROTO_TCP)}}; }

Matches is_udp() { return {Match{Field::l4proto, false, byte_key(IPPROTO_UDP)}}; }
Matches is_ipv4() { return {Match{Field::nfproto, false, byte_key(NFPROTO_IPV4)}}; }
Matches is_ipv6() { return {Match{Field::nfproto, false, byte_key(NFPROTO_IPV6)}}; }

Matches is_first_segment() { return equals(Field::tcp_flags, byte_key(kTcpSyn)); }
Matches is_not_first_segment() { return differs(Field::tcp_flags, byte_key(kTcpSyn)); }

Matches in_set(Field field, std::string_view set) {
  return with_protocol(field, false, SetName{std::string(set)});
}
Matches not_in_set(Field field, std::string_view set) {
  return with_protocol(field, true, SetName{std::string(set)});
}
Matches equals(Field field, const Key& key) { return with_protocol(field, false, key); }
Matches differs(Field field, const Key& key) { return with_protocol(field, true, key); }

Matches has_mark(Field field, std::uint32_t mark, const TproxyMarks& marks) {
  return {Match{field, false, id_key(mark), marks.mask}};
}

Rule make_rule(Matches matches, Verdict verdict, std::string_view comment) {
  return Rule{std::move(matches), std::move(verdict), std::string(comment), true};
}

void RulesetBuilder::add_set(std::string_view name, KeyType type, std::string_view comment,
                             std::vector<Interval> elements) {
  if (elements.empty()) return;
  ruleset_.sets.push_back(
      Set{std::string(name), type, std::string(comment), std::move(elements), {}});
}

Ruleset RulesetBuilder::take() {
  std::stable_partition(ruleset_.chains.begin(), ruleset_.chains.end(),
                        [](const Chain& chain) { return chain.base.has_value(); });
  return std::move(ruleset_);
}

Rule leave_running_connections() {
  return make_rule(is_not_first_segment(), Return{}, "a connection from before the rules");
}

bool is_tproxy(const RedirectConfig& config) { return config.inbound_mode == InboundMode::tproxy; }

bool captures_outbound(const RedirectConfig& config) {
  return config.outbound_cidrs.all || !config.outbound_cidrs.ranges.empty() ||
         !config.outbound_ports.empty();
}

bool captures_dns(const RedirectConfig& config) {
  if (config.outbound_excluded_ports.contains(kDnsServerPort)) return false;
  return config.dns.scope == DnsScope::all ||
         (config.dns.scope == DnsScope::servers && !config.dns.servers.empty());
}

bool redirects_inbound(const RedirectConfig& config) {
  return !is_tproxy(config) &&
         (!config.inbound_ports.empty() || config.own_address == OwnAddress::inbound);
}

Ruleset plan_ruleset(const RedirectConfig& config) {
  RulesetBuilder builder;
  add_sets(config, builder);
  // The two NAT chains always, so that a replacement keeps them in place (nft/batch.hpp).
  plan_inbound(config, builder);
  plan_outbound(config, builder);
  plan_redirects(config, builder);
  plan_tproxy(config, builder);
  plan_dns_zones(config, builder);
  plan_drop_invalid(config, builder);
  plan_hold(config, builder);
  plan_reject(config, builder);
  return builder.take();
}

}  // namespace weir::init
