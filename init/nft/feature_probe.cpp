// SPDX-License-Identifier: Apache-2.0
#include "init/nft/feature_probe.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstring>
#include <optional>

#include "init/nft/batch.hpp"
#include "init/nft/netlink_socket.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

constexpr std::string_view kChain = "weir_check";

struct Feature {
  std::string_view name;
  std::string_view needed;
  BaseHook hook;
  std::vector<Rule> rules;
  std::optional<CtTimeout> timeout;
};

constexpr BaseHook kNat{Hook::output, kNatPriority, ChainType::nat, {}};
constexpr BaseHook kPrerouting{Hook::prerouting, kTproxyPriority, ChainType::filter, {}};
constexpr BaseHook kInput{Hook::input, kHoldPriority, ChainType::filter, {}};
constexpr BaseHook kOutput{Hook::output, kZonePriority, ChainType::filter, {}};
constexpr BaseHook kRoute{Hook::output, kTproxyPriority, ChainType::route, {}};

Rule with(Matches matches, Verdict verdict) {
  return make_rule(std::move(matches), verdict, "check");
}

std::vector<Feature> features() {
  const CtTimeout timeout{"weir_check", IpFamily::v4, 3600, {}};
  const Matches owner = equals(Field::skuid, id_key(kProxyUid));
  const Matches sockets = equals(Field::socket_transparent, byte_key(1));
  const Matches invalid = equals(Field::ct_state, id_key(kCtStateInvalid));
  return {
      {"nat", "everything", kNat, {}, {}},
      {"redirect", "everything", kNat, {with(is_tcp(), Redirect{kOutboundPort})}, {}},
      {"owner", "-u and -g", kNat, {with(owner, Return{})}, {}},
      {"socket", "--hold-until-listening", kInput, {with(sockets, Accept{})}, {}},
      {"ct timeout",
       "--close-wait-timeout",
       kNat,
       {with(is_ipv4() + is_tcp(), SetTimeout{timeout.name})},
       timeout},
      {"ct state", "--drop-invalid", kPrerouting, {with(invalid, Drop{})}, {}},
      {"ct zone", "--redirect-dns", kOutput, {with(is_udp(), SetZone{kDnsZone})}, {}},
      {"reject",
       "--reject-quic and --ipv6 block",
       kOutput,
       {with(is_tcp(), Reject{Rejection::tcp_reset}),
        with(is_udp(), Reject{Rejection::port_unreachable})},
       {}},
      {"tproxy", "-m TPROXY", kPrerouting, {with(is_tcp(), Tproxy{kInboundPort, 1, 1})}, {}},
      {"mark", "-m TPROXY", kRoute, {with({}, SetMark{1, 1}), with({}, SetCtMark{1, 1})}, {}},
  };
}

// Without BATCH_END the kernel undoes what it has checked.
std::span<const char> without_end(std::span<const char> bytes) {
  constexpr std::size_t kEnd = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  return bytes.first(bytes.size() - kEnd);
}

Result<FeatureResult> probe(NetlinkSocket& socket, const Feature& feature, bool installed) {
  Ruleset table;
  if (!installed) table.flags = NFT_TABLE_F_DORMANT;
  const Chain chain{std::string(kChain), feature.hook, feature.rules, {}};
  Batch batch(0);
  batch.add_table(table);
  if (feature.timeout) batch.add_timeout(*feature.timeout);
  batch.add_chain(chain);
  batch.add_rules(chain);
  TRY(const BatchFailure failure, socket.send_batch(without_end(batch.finish())));
  return FeatureResult{std::string(feature.name), std::string(feature.needed), failure.code};
}

}  // namespace

Result<std::vector<FeatureResult>> probe_features(bool installed) {
  TRY(NetlinkSocket socket, NetlinkSocket::open(NETLINK_NETFILTER));
  std::vector<FeatureResult> results;
  for (const Feature& feature : features()) {
    TRY(FeatureResult result, probe(socket, feature, installed));
    if (result.code == EPERM) return Error{"nf_tables: no permission", EPERM};
    results.push_back(std::move(result));
  }
  return results;
}

Result<void> probe_rules(const Ruleset& rules) {
  TRY(NetlinkSocket socket, NetlinkSocket::open(NETLINK_NETFILTER));
  Ruleset table = rules;
  table.flags = NFT_TABLE_F_DORMANT;
  Batch batch(0);
  batch.add_table(table);
  for (const Set& set : rules.sets) batch.add_set(set);
  for (const CtTimeout& timeout : rules.timeouts) batch.add_timeout(timeout);
  for (const Chain& chain : rules.chains) batch.add_chain(chain);
  for (const VerdictMap& map : rules.maps) batch.add_map(map);
  for (const Chain& chain : rules.chains) batch.add_rules(chain);
  TRY(const BatchFailure failure, socket.send_batch(without_end(batch.finish())));
  if (failure.code == 0) return {};
  const std::string words = failure.message.empty() ? std::strerror(failure.code) : failure.message;
  return Error{describe_part(batch.refusal(failure.sequence, failure.code)) + ": " + words,
               failure.code};
}

}  // namespace weir::init
