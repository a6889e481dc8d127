// SPDX-License-Identifier: Apache-2.0
#include "init/plan.hpp"

#include "common/kernel_headers.hpp"
#include "init/interval.hpp"

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

Matches is_not_first_segment() { return differs(Field::tcp_flags, byte_key(kTcpSyn)); }

Matches in_set(Field field, std::string_view set) {
  return with_protocol(field, false, SetName{std::string(set)});
}
Matches not_in_set(Field field, std::string_view set) {
  return with_protocol(field, true, SetName{std::string(set)});
}
Matches equals(Field field, const Key& key) { return with_protocol(field, false, key); }
Matches differs(Field field, const Key& key) { return with_protocol(field, true, key); }

Rule make_rule(Matches matches, Verdict verdict, std::string_view comment) {
  return Rule{std::move(matches), std::move(verdict), std::string(comment), true};
}

bool RulesetBuilder::add_set(std::string_view name, KeyType type, std::string_view comment,
                             std::vector<Interval> elements) {
  if (elements.empty()) return false;
  ruleset_.sets.push_back(
      Set{std::string(name), type, std::string(comment), std::move(elements), {}});
  return true;
}

Rule leave_running_connections() {
  return make_rule(is_not_first_segment(), Return{}, "a connection from before the rules");
}

Ruleset plan_ruleset(const RedirectConfig& config) {
  RulesetBuilder builder;
  // Base chains first, always both, so that a replacement keeps them in place (nft/batch.hpp).
  builder.add_chain(plan_prerouting(config, builder));
  builder.add_chain(plan_output(config, builder));
  builder.add_chain(plan_proxy_output(config));
  builder.add_chain(plan_outbound(config, builder));
  if (!config.virtual_interfaces.empty()) builder.add_chain(plan_virtual_inbound(config, builder));
  return builder.take();
}

}  // namespace weir::init
