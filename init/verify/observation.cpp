// SPDX-License-Identifier: Apache-2.0
#include "init/verify/observation.hpp"

#include <netinet/in.h>

#include <vector>

namespace weir::init {
namespace {

bool is_redirected(const ConntrackEntry& entry) {
  return entry.reply.source != entry.original.destination;
}

// Left as it was, and tracked as the rules say.
bool is_unchanged(const Decision& expected, const Observation& observation) {
  return observation.entry && !is_redirected(*observation.entry) &&
         observation.entry->zone == expected.zone && observation.entry->mark == expected.ct_mark;
}

// A segment outside of any connection is not tracked; a closed port answers it.
bool is_tracked(const Packet& packet) { return packet.ct_state == kCtStateNew; }

// A connection to somebody else that came in: it is sent on, or not, as the namespace routes.
bool goes_through(const Packet& packet, const Decision& expected) {
  return packet.inbound && expected.landing == Landing::direct;
}

bool is_direct(const Probe& probe, const Observation& observation) {
  if (!is_tracked(probe.packet)) return observation.answer == Answer::refused;
  if (!observation.entry) return goes_through(probe.packet, probe.expected) && probe.passes_by;
  // The namespace's own reach the application, whom we stand in for where we could.
  if (observation.listener && *observation.listener != probe.packet.destination_port) return false;
  if (probe.listened && observation.answer != Answer::established) return false;
  return is_unchanged(probe.expected, observation);
}

// A packet of the namespace's own is tracked before it comes back by lo and meets the rule that
// marks.
bool is_marked(const Probe& probe, const ConntrackEntry& entry) {
  return !probe.packet.inbound || entry.mark == probe.expected.ct_mark;
}

bool is_redirected_to(const Probe& probe, const Observation& observation) {
  const Decision& expected = probe.expected;
  if (probe.listened && observation.answer != Answer::established) return false;
  const auto& entry = observation.entry;
  if (observation.listener && *observation.listener != expected.port) return false;
  return entry && is_redirected(*entry) && entry->reply.source.port == expected.port &&
         entry->zone == expected.zone && entry->mark == expected.ct_mark;
}

// Output is tracked before the packet comes back by lo and meets the input chains.
bool is_dropped(const Packet& packet, const Observation& observation) {
  if (observation.answer != Answer::none) return false;
  const bool stays = !packet.inbound && packet.out_interface == "lo";
  return !observation.entry || (!packet.inbound && (stays || is_redirected(*observation.entry)));
}

}  // namespace

bool is_as_expected(const Probe& probe, const Observation& observation) {
  switch (probe.expected.landing) {
    case Landing::direct:
      return is_direct(probe, observation);
    case Landing::redirected:
      return is_redirected_to(probe, observation);
    case Landing::transparent:
      return observation.answer == Answer::established &&
             observation.listener.value_or(probe.expected.port) == probe.expected.port &&
             observation.entry && !is_redirected(*observation.entry) &&
             is_marked(probe, *observation.entry);
    case Landing::dropped:
      return is_dropped(probe.packet, observation);
    case Landing::rejected:
      return observation.answer == Answer::refused && !observation.entry;
  }
  return false;
}

bool can_become_expected(const Probe& probe, const Observation& observation) {
  const Endpoint from{probe.packet.source, 1};
  const Endpoint to{probe.packet.destination, probe.packet.destination_port};
  const Decision& expected = probe.expected;
  ConntrackEntry direct;
  direct.original = {probe.packet.protocol, from, to};
  direct.reply = {probe.packet.protocol, to, from};
  direct.mark = expected.ct_mark;
  direct.zone = expected.zone;
  ConntrackEntry redirected = direct;
  redirected.reply.source = {IpAddress::any(to.address.family()), expected.port};
  std::vector<std::optional<ConntrackEntry>> entries{observation.entry};
  std::vector<Answer> answers{observation.answer};
  if (!observation.entry) entries.insert(entries.end(), {direct, redirected});
  if (observation.answer == Answer::none)
    answers.insert(answers.end(), {Answer::established, Answer::refused});
  for (const auto& entry : entries)
    for (const Answer answer : answers)
      if (is_as_expected(probe, {entry, answer, observation.listener})) return true;
  return false;
}

std::string describe(const Probe& probe, const Observation& observation) {
  std::string text;
  if (!observation.entry)
    text = "nothing came through";
  else if (is_redirected(*observation.entry))
    text = "redirected to " + std::to_string(observation.entry->reply.source.port);
  else
    text = "direct";
  if (observation.entry && observation.entry->zone != probe.expected.zone)
    text += ", connection tracking zone " + std::to_string(observation.entry->zone);
  if (observation.entry && observation.entry->mark != probe.expected.ct_mark)
    text += ", connection mark " + std::to_string(observation.entry->mark);
  if (observation.listener && observation.listener != probe.packet.destination_port &&
      !(observation.entry && is_redirected(*observation.entry)))
    text += ", but to " + std::to_string(*observation.listener);
  switch (observation.answer) {
    case Answer::none:
      break;
    case Answer::established:
      text += ", accepted";
      break;
    case Answer::refused:
      text += ", refused";
      break;
  }
  return text;
}

}  // namespace weir::init
