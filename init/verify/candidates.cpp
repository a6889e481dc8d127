// SPDX-License-Identifier: Apache-2.0
#include "init/verify/candidates.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>

#include "common/ports.hpp"
#include "init/rules/interval.hpp"
#include "init/verify/rule_values.hpp"

namespace weir::init {
namespace {

constexpr std::uint16_t kPlainPort = 7653;  // unassigned; moved on when a rule names it
constexpr std::uint16_t kQuicPort = 443;
constexpr std::uint16_t kDnsServerPort = 53;
constexpr std::uint8_t kTcpAck = 0x10;
constexpr std::size_t kMostDeviations = 4;
constexpr std::size_t kMostCandidates = 30'000;

std::uint16_t port_of(const Key& key) {
  return static_cast<std::uint16_t>(key.bytes[0] << 8 | key.bytes[1]);
}
IpAddress address_of(const Key& key, IpFamily family) {
  return family == IpFamily::v4 ? IpAddress::v4(key.bytes.data()) : IpAddress::v6(key.bytes.data());
}

std::uint16_t plain_port(const std::set<Interval>& ports) {
  std::uint16_t port = kPlainPort;
  const auto named = [&](const Interval& interval) {
    return port_of(interval.first) <= port && port <= port_of(interval.last);
  };
  for (int tries = 0; tries < 1000 && std::any_of(ports.begin(), ports.end(), named); ++tries)
    port = static_cast<std::uint16_t>(port + 61);
  return port;
}

// Whether a connection to the address can be opened at all, from any namespace.
bool is_unicast(const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) return bytes[0] != 0 && bytes[0] < 224;
  const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
  return bytes[0] != 0xff && !link_local && !address.is_any() && !address.is_v4_mapped();
}

// An address of the interval that can be connected to: near its ends, since the ends of a prefix
// may be the network's and the broadcast address.
std::optional<IpAddress> address_within(const Interval& interval, IpFamily family) {
  const std::size_t size = family == IpFamily::v4 ? 4 : 16;
  Key key = interval.first;
  for (int step = 0; step < 2 && key < interval.last; ++step) increment(key, size);
  for (const Key& one : {key, interval.first, interval.last})
    if (const IpAddress address = address_of(one, family); is_unicast(address)) return address;
  return std::nullopt;
}

using Change = std::function<void(Packet&)>;
/// Alternatives of one respect; a packet has one of them, or stays plain.
using Respect = std::vector<Change>;

class Candidates {
 public:
  Candidates(const Ruleset& rules, const ProbeFacts& facts)
      : facts_(facts), values_(values_of(rules)) {
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
      if (family == IpFamily::v6 && !facts.ipv6) continue;
      for (const bool inbound : {false, true}) bases_.push_back(plain(family, inbound));
    }
  }

  void visit(const std::function<bool(const Packet&)>& take) {
    for (std::size_t deviations = 0; deviations <= kMostDeviations; ++deviations)
      for (const Packet& base : bases_) {
        const auto respects = respects_of(base);
        if (!combine(respects, 0, deviations, base, take)) return;
      }
  }

 private:
  [[nodiscard]] const IpAddress& own(const ProbeLink& link, IpFamily family) const {
    return family == IpFamily::v4 ? link.v4 : link.v6;
  }

  static IpAddress behind(const ProbeLink& link, IpFamily family) {
    return family == IpFamily::v4 ? link.far_v4 : link.far_v6;
  }

  [[nodiscard]] Packet plain(IpFamily family, bool inbound) const {
    Packet packet;
    packet.inbound = inbound;
    packet.proxy_transparent = facts_.transparent || family == IpFamily::v6;
    const IpAddress far = behind(facts_.links.front(), family);
    packet.source = inbound ? far : own(facts_.links.front(), family);
    packet.destination = inbound ? own(facts_.links.front(), family) : far;
    packet.destination_port = plain_port(values_.ports);
    (inbound ? packet.in_interface : packet.out_interface) = facts_.links.front().name;
    if (inbound) return packet;
    packet.mark = facts_.links.front().mark;
    packet.uid = facts_.uid;
    packet.gid = facts_.gid;
    if (!facts_.any_user) return packet;
    packet.uid = unnamed_id(values_.uids, facts_.uids).value_or(facts_.uid);
    packet.gid = unnamed_id(values_.gids, facts_.gids).value_or(facts_.gid);
    return packet;
  }

  [[nodiscard]] std::vector<Respect> respects_of(const Packet& base) const {
    std::vector<Respect> respects{destinations(base), ports(), protocols(), segments(base)};
    if (base.inbound) {
      respects.push_back(sources(base));
      respects.push_back(arrivals(base));
    } else {
      respects.push_back(passthrough(base));
      if (facts_.any_user) respects.push_back(users());
      if (facts_.any_user) respects.push_back(groups());
      respects.push_back(departures(base));
    }
    respects.push_back({[](Packet& packet) { packet.proxy_listens = false; }});
    return respects;
  }

  [[nodiscard]] bool is_local(const IpAddress& address) const {
    const auto& local = facts_.local_addresses;
    return address.is_loopback() || (address.is_v4() && address.bytes()[0] == 127) ||
           std::find(local.begin(), local.end(), address) != local.end();
  }

  void go_to(Packet& packet, const IpAddress& destination) const {
    packet.destination = destination;
    if (packet.inbound || !is_local(destination)) return;
    packet.out_interface = "lo";
    const bool loops =
        destination.is_loopback() || (destination.is_v4() && destination.bytes()[0] == 127);
    packet.source =
        loops ? *IpAddress::parse(destination.is_v4() ? "127.0.0.1" : "::1") : destination;
  }

  [[nodiscard]] Respect destinations(const Packet& base) const {
    const IpFamily family = base.destination.family();
    std::vector<IpAddress> addresses;
    if (!base.inbound) {
      addresses.push_back(own(facts_.links.front(), family));
      addresses.push_back(*IpAddress::parse(family == IpFamily::v4 ? "127.0.0.1" : "::1"));
      // Loopback, but outside the usual prefix of what is never captured.
      if (family == IpFamily::v4) addresses.push_back(*IpAddress::parse("127.9.0.5"));
    } else {
      // To somebody else, as a guest sends it.
      addresses.push_back(behind(facts_.links.front(), family));
    }
    for (const Interval& interval : family == IpFamily::v4 ? values_.v4 : values_.v6)
      if (const auto address = address_within(interval, family)) addresses.push_back(*address);
    Respect respect;
    for (const IpAddress& address : addresses)
      if (!base.inbound || !is_local(address))
        respect.push_back([this, address](Packet& packet) { go_to(packet, address); });
    return respect;
  }

  [[nodiscard]] Respect ports() const {
    std::set<std::uint16_t> chosen{kDnsServerPort, kQuicPort};
    for (const Interval& interval : values_.ports) chosen.insert(port_of(interval.first));
    Respect respect;
    for (const std::uint16_t port : chosen)
      if (port != 0) respect.push_back([port](Packet& packet) { packet.destination_port = port; });
    return respect;
  }

  static Respect protocols() {
    return {[](Packet& packet) { packet.protocol = IPPROTO_UDP; }};
  }

  // A segment of a connection from before the rules, and one that connection tracking cannot make
  // sense of.
  static Respect segments(const Packet& base) {
    Respect respect{[](Packet& packet) { packet.tcp_flags = kTcpAck; }};
    if (base.inbound)
      respect.push_back([](Packet& packet) {
        packet.tcp_flags = kTcpSyn | kTcpAck;
        packet.ct_state = kCtStateInvalid;
      });
    return respect;
  }

  [[nodiscard]] Respect sources(const Packet& base) const {
    const IpFamily family = base.source.family();
    Respect respect;
    for (const Interval& interval : family == IpFamily::v4 ? values_.v4 : values_.v6)
      if (const auto address = address_within(interval, family); address && !is_local(*address))
        respect.push_back([address](Packet& packet) { packet.source = *address; });
    return respect;
  }

  [[nodiscard]] Respect arrivals(const Packet& base) const {
    Respect respect;
    for (std::size_t i = 1; i < facts_.links.size(); ++i)
      respect.push_back([this, i, local = base.destination, far = base.source](Packet& packet) {
        const ProbeLink& link = facts_.links[i];
        packet.in_interface = link.name;
        const IpFamily family = packet.source.family();
        if (packet.destination == local) packet.destination = own(link, family);
        if (packet.source == far) packet.source = behind(link, family);
      });
    return respect;
  }

  [[nodiscard]] Respect departures(const Packet& /*base*/) const {
    Respect respect;
    for (std::size_t i = 1; i < facts_.links.size(); ++i)
      respect.push_back([this, i](Packet& packet) {
        if (packet.out_interface == "lo") return;
        const ProbeLink& link = facts_.links[i];
        packet.out_interface = link.name;
        packet.source = own(link, packet.source.family());
        packet.mark = link.mark;
      });
    return respect;
  }

  [[nodiscard]] Respect passthrough(const Packet& base) const {
    const IpAddress source =
        *IpAddress::parse(base.source.is_v4() ? kPassthroughSourceV4 : kPassthroughSourceV6);
    return {[source](Packet& packet) {
      if (packet.out_interface == "lo") packet.source = source;
    }};
  }

  [[nodiscard]] Respect users() const {
    Respect respect;
    for (const std::uint32_t uid : named_ids(values_.uids, facts_.uids))
      respect.push_back([uid](Packet& packet) { packet.uid = uid; });
    return respect;
  }
  [[nodiscard]] Respect groups() const {
    Respect respect;
    for (const std::uint32_t gid : named_ids(values_.gids, facts_.gids))
      respect.push_back([gid](Packet& packet) { packet.gid = gid; });
    return respect;
  }

  // Packets that differ from `packet` in exactly `left` of the respects from `next` on. False: the
  // taker has enough.
  bool combine(const std::vector<Respect>& respects, std::size_t next, std::size_t left,
               const Packet& packet, const std::function<bool(const Packet&)>& take) {
    if (left == 0) return ++given_ <= kMostCandidates && take(packet);
    for (std::size_t i = next; i + left <= respects.size(); ++i)
      for (const Change& change : respects[i]) {
        Packet changed = packet;
        change(changed);
        if (changed == packet) continue;
        if (!combine(respects, i + 1, left - 1, changed, take)) return false;
      }
    return true;
  }

  const ProbeFacts& facts_;
  RuleValues values_;
  std::vector<Packet> bases_;
  std::size_t given_ = 0;
};

}  // namespace

void for_each_candidate(const Ruleset& rules, const ProbeFacts& facts,
                        const std::function<bool(const Packet&)>& take) {
  if (!facts.links.empty()) Candidates(rules, facts).visit(take);
}

}  // namespace weir::init
