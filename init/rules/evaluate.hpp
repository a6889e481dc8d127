// SPDX-License-Identifier: Apache-2.0
// What a set of rules does with a packet, computed the way the kernel does it. Pure: explain, the
// choice of verify's connections and the tests of the backends read it.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// One packet, by default the first one of a connection.
struct Packet {
  bool inbound = false;    // arrives from outside; else a process of the namespace sends it
  bool forwarded = false;  // inbound: for another host, so it only passes, unless it is redirected
  std::uint8_t protocol = IPPROTO_TCP;  // any IP protocol; ports count for TCP and UDP only
  IpAddress source;                     // both addresses are of one family
  IpAddress destination;
  std::uint16_t source_port = 0;  // host order
  std::uint16_t destination_port = 0;
  std::string in_interface;          // inbound; "lo" once an outgoing packet comes back by it
  std::string out_interface;         // outgoing: "lo" for the namespace's own addresses
  std::optional<std::uint32_t> uid;  // of the sending socket; absent: no socket
  std::optional<std::uint32_t> gid;
  std::uint32_t mark = 0;
  std::uint32_t ct_mark = 0;
  std::uint32_t ct_state = kCtStateNew;  // one bit
  std::uint8_t tcp_flags = kTcpSyn;      // under kTcpFlagsMask
  bool proxy_listens = true;             // a socket takes what is sent to the proxy's ports
  bool proxy_transparent = true;         // that socket is a transparent one (IP_TRANSPARENT)
  bool operator==(const Packet&) const = default;
};

/// A rule of a Ruleset, by place.
struct RulePlace {
  std::string chain;
  std::size_t rule = 0;  // index in the chain
  bool operator==(const RulePlace&) const = default;
};

enum class Landing : std::uint8_t {
  direct,       // goes where it was sent
  redirected,   // to `port` of this namespace, the destination rewritten
  transparent,  // to the transparent socket on `port`, the destination as it is
  dropped,
  rejected
};

struct Decision {
  Landing landing = Landing::direct;
  std::uint16_t port = 0;  // redirected, transparent; host order
  /// The rule that gave the landing; for `direct` the one that ended the NAT chain, or another
  /// chain where there is none. Absent: no rule decided, all chains ran to their end.
  std::optional<RulePlace> decided_by;
  std::vector<RulePlace> matched;  // every rule whose matches held, in order; decided_by among them
  std::uint32_t mark = 0;          // of the packet, in the end
  std::uint32_t ct_mark = 0;
  std::uint16_t zone = 0;
  bool operator==(const Decision&) const = default;
};

/// A rule that the packet came by, in the order of the walk.
struct RuleVisit {
  RulePlace place;
  /// Index of the match that did not hold; absent: all held.
  std::optional<std::size_t> failed_match;
  std::optional<Key> seen;  // the packet's value that did not hold, under the mask of the match
  bool operator==(const RuleVisit&) const = default;
};

/// Walks the base chains of the packet's way in the kernel's order: for a packet from outside,
/// prerouting and input; for one of the namespace's own, output and, when it stays here, prerouting
/// (of its filter chains: NAT is decided) and input. A packet that a route chain gives the mark of
/// a Tproxy rule stays here too: the policy route sees to that. Rules with an Opaque part never
/// match. Connection tracking is on when one of these rules needs it: what others switch on is not
/// known here.
Decision evaluate(const Ruleset& rules, const Packet& packet);
/// The same; appends every rule on the way to `visits`.
Decision evaluate(const Ruleset& rules, const Packet& packet, std::vector<RuleVisit>& visits);

}  // namespace weir::init
