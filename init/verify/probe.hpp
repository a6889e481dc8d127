// SPDX-License-Identifier: Apache-2.0
// Which connections prove a set of rules. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "init/rules/evaluate.hpp"
#include "init/rules/rule.hpp"
#include "init/verify/id_map.hpp"

namespace weir::init {

/// A temporary link that packets of the proof leave by and arrive on.
struct ProbeLink {
  std::string name;
  IpAddress v4;  // of this namespace, the link's only ones
  IpAddress v6;
  IpAddress far_v4;  // of nobody, behind the link
  IpAddress far_v6;
  std::uint32_t mark = 0;  // a packet with this mark leaves by the link
  bool operator==(const ProbeLink&) const = default;
};

/// What the connections can be made of.
struct ProbeFacts {
  std::vector<ProbeLink> links;  // the first one's name means nothing to the rules
  std::vector<IpAddress> local_addresses;
  bool ipv6 = true;
  bool transparent = false;  // whoever listens for the proxy over IPv4 does so transparently
  bool any_user = true;      // else only as `uid` and `gid`
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<IdRange> uids{kEveryId};  // who exists in this user namespace
  std::vector<IdRange> gids{kEveryId};
};

/// One packet to send, and what must become of it.
struct Probe {
  Packet packet;
  Decision expected;
  std::vector<RulePlace> proves;  // without any one of these rules something else would happen
  bool listened = false;          // one of ours listens where it shall go
  bool passes_by = false;         // comes in for somebody else: left alone, it is not for us to see
  bool operator==(const Probe&) const = default;
};

struct ProbeChoice {
  std::vector<Probe> probes;
  /// Rules whose removal changes nothing that can be seen from outside, by the packets that were
  /// tried: counters, and rules that say what would happen anyway.
  std::vector<RulePlace> without_effect;
};

/// One packet for each side of each decision: a plain connection in each direction and family, and
/// for every rule that has an effect one whose fate changes when the rule is gone.
ProbeChoice choose_probes(const Ruleset& rules, const ProbeFacts& facts);

/// Names of interfaces that the rules look at, one for each set or rule: a name that the pattern
/// matches and that `taken` does not hold. Sorted.
std::vector<std::string> interface_names(const Ruleset& rules,
                                         const std::vector<std::string>& taken);

/// "IPv4 TCP, uid 1000, to 192.0.2.1:80".
std::string describe(const Packet& packet);
/// "redirected to 15001", "direct", …
std::string describe(const Decision& decision);

}  // namespace weir::init
