// SPDX-License-Identifier: Apache-2.0
#include "init/verify/proof.hpp"

#include <netinet/in.h>

#include <linux/capability.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include <poll.h>
#include <unistd.h>

#include "init/routing/routing_state.hpp"
#include "init/verify/capabilities.hpp"
#include "init/verify/endpoints.hpp"
#include "init/verify/rule_values.hpp"

namespace weir::init {
namespace {

using Clock = std::chrono::steady_clock;

// Packets take microseconds; only one that does not come is waited for.
constexpr std::chrono::milliseconds kPatience{800};
// Source ports of lone segments and of what comes in.
constexpr std::uint16_t kFirstSourcePort = 61017;

struct Attempt {
  const Probe* probe = nullptr;
  std::optional<Sender> sender;
  ConntrackTuple tuple;
  Observation observation;
};

bool is_lone(const Packet& packet) {
  return packet.protocol == IPPROTO_TCP && packet.tcp_flags != kTcpSyn;
}
bool needs_raw(const Packet& packet) { return packet.inbound || is_lone(packet); }

class Run {
 public:
  Run(const Stage& stage, ConntrackEvents& events, std::optional<FarEnd> far, StandIn& stand_in)
      : stage_(stage), events_(events), far_(std::move(far)), stand_in_(stand_in) {}

  Result<Proof> run(const ProbeChoice& choice) {
    // First those that meet a proxy that does not listen yet.
    for (const bool listens : {false, true}) {
      if (listens) stand_in_.listen();
      for (const Probe& probe : choice.probes)
        if (probe.packet.proxy_listens == listens) try_one(probe);
      wait_for_all();
    }
    return finish();
  }

 private:
  void try_one(const Probe& probe) {
    const Packet& packet = probe.packet;
    if (needs_raw(packet) && !has_capability(CAP_NET_RAW)) {
      ++missing_["CAP_NET_RAW is missing: connections from outside"];
      return;
    }
    if (!packet.proxy_listens && !stand_in_.is_complete()) {
      ++missing_["the proxy listens already: connections from before that"];
      return;
    }
    Attempt attempt;
    attempt.probe = &probe;
    const auto sent = packet.inbound ? send_in(attempt) : send_out(attempt);
    if (!sent)
      ++missing_[sent.error().message];
    else
      attempts_.push_back(std::move(attempt));
  }

  Result<void> send_in(Attempt& attempt) {
    const Packet& packet = attempt.probe->packet;
    const auto& links = stage_.links();
    const bool ours = std::any_of(links.begin(), links.end(), [&](const ProbeLink& link) {
      return link.far_v4 == packet.source || link.far_v6 == packet.source;
    });
    if (!ours) TRY_VOID(stage_.claim(packet.source));
    TRY(attempt.tuple, far_->inject(packet, next_port_++));
    return {};
  }

  Result<void> send_out(Attempt& attempt) {
    TRY(attempt.sender, Sender::send(attempt.probe->packet, next_port_++));
    attempt.tuple = attempt.sender->tuple();
    return {};
  }

  // Looks until everything is as expected, or patience ends.
  void wait_for_all() {
    const auto deadline = Clock::now() + kPatience;
    for (;;) {
      look();
      const bool done = std::all_of(attempts_.begin(), attempts_.end(), [&](const Attempt& one) {
        return is_unseen(one) || is_as_expected(*one.probe, one.observation);
      });
      if (done) return;
      if (Clock::now() >= deadline) return ask_for_entries();
      pollfd files[] = {{events_.fd(), POLLIN, 0}, {far_ ? far_->fd(0) : -1, POLLIN, 0}};
      (void)poll(files, 2, 1);
    }
  }

  // Events may have been lost among those of others; entries stay.
  void ask_for_entries() {
    for (Attempt& attempt : attempts_) {
      if (attempt.observation.entry) continue;
      const auto found = find_conntrack_entry(attempt.tuple, attempt.probe->expected.zone);
      if (found && *found) attempt.observation.entry = **found;
    }
  }

  void look() {
    std::vector<ConntrackEntry> entries;
    events_.drain(entries);
    std::vector<Segment> answers;
    if (far_) far_->drain(answers);
    std::vector<StandIn::Arrival> arrivals;
    stand_in_.drain(arrivals);
    for (Attempt& attempt : attempts_) {
      for (const ConntrackEntry& entry : entries)
        if (entry.original == attempt.tuple && !attempt.observation.entry)
          attempt.observation.entry = entry;
      if (attempt.sender) note(attempt.observation, attempt.sender->answer());
      for (const StandIn::Arrival& arrival : arrivals)
        if (attempt.sender && arrival.peer == attempt.tuple.source)
          attempt.observation.listener = arrival.port;
      for (const Segment& answer : answers)
        if (attempt.probe->packet.inbound) take_answer(attempt, answer);
    }
  }

  static void note(Observation& observation, Answer answer) {
    if (observation.answer == Answer::none) observation.answer = answer;
  }

  // What a connection from outside is answered, whoever answers.
  void take_answer(Attempt& attempt, const Segment& answer) {
    if (answer.protocol != attempt.tuple.protocol || answer.destination != attempt.tuple.source ||
        answer.source != attempt.tuple.destination)
      return;
    if ((answer.flags & kTcpFlagRst) != 0) {
      note(attempt.observation, Answer::refused);
    } else if ((answer.flags & kTcpSyn) != 0) {
      note(attempt.observation, Answer::established);
      far_->reset(attempt.tuple, attempt.probe->packet.in_interface);
    }
  }

  Proof finish() {
    Proof proof;
    std::vector<ConntrackEntry> entries;
    for (Attempt& attempt : attempts_) {
      if (is_unseen(attempt)) {
        ++missing_["nothing tracks IPv6 connections here: what leaves them alone"];
        continue;
      }
      const bool passed = is_as_expected(*attempt.probe, attempt.observation);
      proof.results.push_back(
          {*attempt.probe, passed, describe(*attempt.probe, attempt.observation)});
      if (passed)
        proof.proved.insert(proof.proved.end(), attempt.probe->proves.begin(),
                            attempt.probe->proves.end());
      if (attempt.observation.entry) entries.push_back(*attempt.observation.entry);
    }
    attempts_.clear();  // closes the connections
    remove_conntrack_entries(entries);
    for (const auto& [reason, count] : missing_)
      proof.not_probed.push_back(reason + " (" + std::to_string(count) + " not tried)");
    return proof;
  }

  // Where no NAT chain sees IPv6 (legacy tables that leave it alone), nothing of it is tracked.
  [[nodiscard]] bool is_unseen(const Attempt& attempt) const {
    const auto is_v6 = [](const Attempt& one) { return !one.tuple.source.address.is_v4(); };
    return is_v6(attempt) && attempt.probe->expected.landing == Landing::direct &&
           attempt.probe->packet.ct_state == kCtStateNew &&
           std::none_of(attempts_.begin(), attempts_.end(),
                        [&](const Attempt& one) { return is_v6(one) && one.observation.entry; });
  }

  const Stage& stage_;
  ConntrackEvents& events_;
  std::optional<FarEnd> far_;
  StandIn& stand_in_;
  std::vector<Attempt> attempts_;
  std::map<std::string, std::size_t> missing_;
  std::uint16_t next_port_ = kFirstSourcePort;
};

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
  if (packet.inbound || packet.protocol != IPPROTO_TCP || is_lone(packet) || !packet.proxy_listens)
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
  TRY(Proof proof, Run(stage, events, std::move(far), stand_in).run(choice));
  proof.effective_rules = count_effective(choice);
  note_missing_users(rules, facts, proof);
  return proof;
}

}  // namespace weir::init
