// SPDX-License-Identifier: Apache-2.0
#include "init/verify/proof.hpp"

#include <netinet/in.h>

#include <linux/capability.h>

#include <algorithm>
#include <set>

#include <unistd.h>

#include "init/routing/routing_state.hpp"
#include "init/verify/capabilities.hpp"
#include "init/verify/endpoints.hpp"
#include "init/verify/proof_run.hpp"
#include "init/verify/rule_values.hpp"

namespace weir::init {
namespace {

std::set<std::uint16_t> proxy_ports(const Ruleset& rules, bool& transparent) {
  std::set<std::uint16_t> ports;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules) {
      if (const auto* redirect = std::get_if<Redirect>(&rule.verdict)) ports.insert(redirect->port);
      if (const auto* tproxy = std::get_if<Tproxy>(&rule.verdict)) {
        ports.insert(tproxy->port);
        transparent = true;
      }
    }
  return ports;
}

// A connection of the namespace to itself.
bool stays_here(const Packet& packet) {
  return !packet.inbound && packet.out_interface == "lo" && packet.protocol == IPPROTO_TCP &&
         packet.tcp_flags == kTcpSyn;
}

// Where connections to an application of this namespace go.
std::set<std::uint16_t> application_ports(const ProbeChoice& choice) {
  std::set<std::uint16_t> ports;
  for (const Probe& probe : choice.probes)
    if (stays_here(probe.packet)) ports.insert(probe.packet.destination_port);
  return ports;
}

// Whether a connection of the namespace's own must be accepted by one of our sockets.
bool is_listened(const Probe& probe, const StandIn& stand_in) {
  const Packet& packet = probe.packet;
  if (packet.inbound || packet.protocol != IPPROTO_TCP || packet.tcp_flags != kTcpSyn ||
      !packet.proxy_listens)
    return false;
  if (probe.expected.landing == Landing::redirected) return stand_in.is_complete();
  return stays_here(packet) && stand_in.holds(packet.destination_port);
}

// Bits of the packet mark that any rule looks at or sets.
std::uint32_t used_mark_bits(const Ruleset& rules) {
  std::uint32_t bits = 0;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules) {
      if (const auto* tproxy = std::get_if<Tproxy>(&rule.verdict)) bits |= tproxy->mask;
      if (const auto* set = std::get_if<SetMark>(&rule.verdict)) bits |= set->mask;
      for (const auto& part : rule.matches)
        if (const auto* match = std::get_if<Match>(&part))
          if (match->field == Field::mark) bits |= match->mask;
    }
  return bits;
}

Result<ProbeFacts> gather_facts(const Stage& stage, bool ipv6) {
  ProbeFacts facts;
  facts.links = stage.links();
  TRY(facts.local_addresses, local_addresses());
  facts.ipv6 = ipv6;
  facts.any_user = has_capability(CAP_SETUID) && has_capability(CAP_SETGID);
  facts.uid = geteuid();
  facts.gid = getegid();
  facts.uids = read_id_map("/proc/self/uid_map");
  facts.gids = read_id_map("/proc/self/gid_map");
  return facts;
}

std::size_t count_effective(const ProbeChoice& choice) {
  std::size_t count = 0;
  for (const Probe& probe : choice.probes) count += probe.proves.size();
  return count;
}

// Names the users that nobody here can be, and counts the rules that only they would prove.
void note_missing_users(const Ruleset& rules, ProbeFacts facts, Proof& proof) {
  std::vector<std::string> missing;
  if (!facts.any_user) {
    missing.push_back("CAP_SETUID or CAP_SETGID is missing: connections of other users");
  } else {
    const RuleValues values = values_of(rules);
    const std::string where = " is not mapped in this user namespace: its connections";
    for (const std::uint32_t uid : unmapped_ids(values.uids, facts.uids))
      missing.push_back("uid " + std::to_string(uid) + where);
    for (const std::uint32_t gid : unmapped_ids(values.gids, facts.gids))
      missing.push_back("gid " + std::to_string(gid) + where);
  }
  if (missing.empty()) return;
  facts.any_user = true;
  facts.uids = facts.gids = {kEveryId};
  const std::size_t before = proof.effective_rules;
  proof.effective_rules = std::max(before, count_effective(choose_probes(rules, facts)));
  missing.back() += " (" + std::to_string(proof.effective_rules - before) + " rules not proved)";
  for (std::string& line : missing) proof.not_probed.push_back(std::move(line));
}

}  // namespace

bool Proof::passed() const {
  return std::all_of(results.begin(), results.end(),
                     [](const ProbeResult& result) { return result.passed; });
}

Result<Proof> prove(const Ruleset& rules) {
  TRY(const RoutingState routing, read_routing_state());
  TRY(ConntrackEvents events, ConntrackEvents::open());
  TRY(const auto taken, interfaces());
  TRY(const Stage stage,
      Stage::open(interface_names(rules, taken), used_mark_bits(rules), routing.ipv6));
  TRY(ProbeFacts facts, gather_facts(stage, routing.ipv6));
  const auto ports = proxy_ports(rules, facts.transparent);
  ProbeChoice choice = choose_probes(rules, facts);
  std::optional<FarEnd> far;
  if (has_capability(CAP_NET_RAW)) {
    TRY(far, FarEnd::open(stage));
  }
  StandIn stand_in = StandIn::take(ports, facts.transparent, application_ports(choice), facts.ipv6);
  for (Probe& probe : choice.probes) probe.listened = is_listened(probe, stand_in);
  Proof proof = run_probes({stage, events, std::move(far), stand_in}, choice);
  proof.effective_rules = count_effective(choice);
  note_missing_users(rules, facts, proof);
  return proof;
}

}  // namespace weir::init
