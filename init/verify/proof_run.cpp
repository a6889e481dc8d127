// SPDX-License-Identifier: Apache-2.0
#include "init/verify/proof_run.hpp"

#include <netinet/in.h>

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <tuple>

#include <poll.h>

#include "init/verify/capabilities.hpp"

namespace weir::init {
namespace {

using Clock = std::chrono::steady_clock;

// Packets take microseconds; only what does not come is waited for, and sent again: on a busy
// machine a packet, its answer or the word of it may be lost. 3 s in all, for both phases.
constexpr std::array kPatience{std::chrono::milliseconds(200), std::chrono::milliseconds(500),
                               std::chrono::milliseconds(800)};
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
  explicit Run(ProofScene scene)
      : stage_(scene.stage),
        events_(scene.events),
        far_(std::move(scene.far)),
        stand_in_(scene.stand_in) {}

  Proof run(const ProbeChoice& choice) {
    // First those that meet a proxy that does not listen yet.
    for (const bool listens : {false, true}) {
      if (listens) stand_in_.listen();
      for (const Probe& probe : choice.probes)
        if (probe.packet.proxy_listens == listens) try_one(probe);
      wait_for_all();
      // What waits for the proxy must be gone when it listens: it would be let through.
      settle();
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
    auto sent = send(probe);
    if (!sent)
      ++missing_[sent.error().message];
    else
      attempts_.push_back(*std::move(sent));
  }

  Result<Attempt> send(const Probe& probe) {
    Attempt attempt;
    attempt.probe = &probe;
    TRY_VOID(probe.packet.inbound ? send_in(attempt) : send_out(attempt));
    return attempt;
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

  // Once is no failure: a connection may have had the ports of one that the kernel remembers.
  void wait_for_all() {
    wait_until_decided();
    if (send_again([this](const Attempt& one) { return has_failed(one); })) wait_until_decided();
  }

  // Looks until everything is decided, and sends again what is not.
  void wait_until_decided() {
    for (const auto patience : kPatience) {
      if (patience != kPatience.front())
        send_again([this](const Attempt& one) { return is_undecided(one); });
      if (wait(patience)) return;
      ask_for_entries();
    }
  }

  // @return whether everything is decided: as expected, or certainly not.
  bool wait(std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    for (;;) {
      // The clock first: a look must follow every wait, however long the machine made it.
      const bool last = Clock::now() >= deadline;
      look();
      if (std::none_of(attempts_.begin(), attempts_.end(),
                       [&](const Attempt& one) { return is_undecided(one); }))
        return true;
      if (last) return false;
      pollfd files[] = {{events_.fd(), POLLIN, 0}, {far_ ? far_->fd(0) : -1, POLLIN, 0}};
      (void)poll(files, 2, 1);
    }
  }

  // From other ports. @return whether any was sent.
  bool send_again(const std::function<bool(const Attempt&)>& is_wanted) {
    bool any = false;
    for (Attempt& attempt : attempts_) {
      if (!is_wanted(attempt)) continue;
      auto sent = send(*attempt.probe);
      if (!sent) continue;
      if (attempt.observation.entry) entries_.push_back(*attempt.observation.entry);
      attempt = *std::move(sent);
      any = true;
    }
    return any;
  }

  [[nodiscard]] bool is_undecided(const Attempt& attempt) const {
    return !is_unseen(attempt) && !is_as_expected(*attempt.probe, attempt.observation) &&
           can_become_expected(*attempt.probe, attempt.observation);
  }

  [[nodiscard]] bool has_failed(const Attempt& attempt) const {
    return !is_unseen(attempt) && !is_as_expected(*attempt.probe, attempt.observation) &&
           !can_become_expected(*attempt.probe, attempt.observation);
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
        // A datagram's port may be the same number.
        if (attempt.sender && attempt.tuple.protocol == IPPROTO_TCP &&
            arrival.peer == attempt.tuple.source)
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

  // Judges the attempts and closes their connections.
  void settle() {
    for (const Attempt& attempt : attempts_) {
      if (is_unseen(attempt)) {
        ++missing_["nothing tracks IPv6 connections here: what leaves them alone"];
        continue;
      }
      const auto& [probe, observation] = std::tie(*attempt.probe, attempt.observation);
      const bool passed = is_as_expected(probe, observation);
      proof_.results.push_back({probe, passed, describe(probe, observation)});
      if (passed)
        proof_.proved.insert(proof_.proved.end(), probe.proves.begin(), probe.proves.end());
      if (observation.entry) entries_.push_back(*observation.entry);
    }
    attempts_.clear();
  }

  Proof finish() {
    remove_conntrack_entries(entries_);
    for (const auto& [reason, count] : missing_)
      proof_.not_probed.push_back(reason + " (" + std::to_string(count) + " not tried)");
    return std::move(proof_);
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
  std::vector<ConntrackEntry> entries_;  // to remove
  Proof proof_;
  std::map<std::string, std::size_t> missing_;
  std::uint16_t next_port_ = kFirstSourcePort;
};

}  // namespace

Proof run_probes(ProofScene scene, const ProbeChoice& choice) {
  return Run(std::move(scene)).run(choice);
}

}  // namespace weir::init
