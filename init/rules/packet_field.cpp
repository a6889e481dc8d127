// SPDX-License-Identifier: Apache-2.0
#include "init/rules/packet_field.hpp"

#include <algorithm>
#include <cassert>

#include "common/kernel_headers.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

std::optional<Key> address_value(const IpAddress& address, IpFamily family) {
  if (address.family() != family) return std::nullopt;
  return address_key(address);
}

std::optional<Key> port_value(const Packet& packet, std::uint8_t protocol, std::uint16_t port) {
  if (packet.protocol != protocol) return std::nullopt;
  return port_key(port);
}

std::optional<Key> id_value(const std::optional<std::uint32_t>& id) {
  if (!id) return std::nullopt;
  return id_key(*id);
}

// What connection tracking does not know has a state, but no connection that could have a mark.
bool is_tracked(const Packet& packet) {
  return (packet.ct_state & (kCtStateInvalid | kCtStateUntracked)) == 0;
}

std::uint32_t number_of(const Key& key) {
  std::uint32_t value = 0;
  std::memcpy(&value, key.bytes.data(), sizeof value);
  return be32toh(value);
}

bool contains(const std::vector<Interval>& intervals, const Key& key) {
  const auto after = std::upper_bound(intervals.begin(), intervals.end(), key,
                                      [](const Key& k, const Interval& i) { return k < i.first; });
  return after != intervals.begin() && key <= std::prev(after)->last;
}

// Lists of a match are short and in the order that somebody wrote.
bool contains_unsorted(const std::vector<Interval>& intervals, const Key& key) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const Interval& i) { return i.first <= key && key <= i.last; });
}

bool is_in_operand(const Ruleset& rules, const Match& match, const Key& key) {
  if (const auto* name = std::get_if<SetName>(&match.operand)) {
    const Set* set = rules.find_set(name->name);
    return set != nullptr && contains(set->elements, key);
  }
  if (const auto* intervals = std::get_if<std::vector<Interval>>(&match.operand))
    return contains_unsorted(*intervals, key);
  const Key& operand = std::get<Key>(match.operand);
  if (match.field == Field::ct_state) return (number_of(operand) & number_of(key)) != 0;
  return operand == key;
}

}  // namespace

std::optional<Key> field_value(const Packet& packet, Field field) {
  switch (field) {
    case Field::nfproto:
      return byte_key(packet.destination.is_v4() ? NFPROTO_IPV4 : NFPROTO_IPV6);
    case Field::l4proto:
      return byte_key(packet.protocol);
    case Field::iifname:
      return name_key(packet.in_interface);
    case Field::oifname:
      return name_key(packet.out_interface);
    case Field::skuid:
    case Field::skuid_range:
      return id_value(packet.uid);
    case Field::skgid:
      return id_value(packet.gid);
    case Field::ip_saddr:
      return address_value(packet.source, IpFamily::v4);
    case Field::ip_daddr:
      return address_value(packet.destination, IpFamily::v4);
    case Field::ip6_saddr:
      return address_value(packet.source, IpFamily::v6);
    case Field::ip6_daddr:
      return address_value(packet.destination, IpFamily::v6);
    case Field::tcp_dport:
      return port_value(packet, IPPROTO_TCP, packet.destination_port);
    case Field::udp_dport:
      return port_value(packet, IPPROTO_UDP, packet.destination_port);
    case Field::udp_sport:
      return port_value(packet, IPPROTO_UDP, packet.source_port);
    case Field::tcp_flags:
      if (packet.protocol != IPPROTO_TCP) return std::nullopt;
      return byte_key(packet.tcp_flags & kTcpFlagsMask);
    case Field::mark:
      return id_key(packet.mark);
    case Field::ct_mark:
      if (!is_tracked(packet)) return std::nullopt;
      return id_key(packet.ct_mark);
    case Field::ct_state:
      return id_key(packet.ct_state);
    case Field::socket_transparent:
      // The proxy listens on all addresses; rules that look at this accept either answer.
      if (!packet.proxy_listens) return std::nullopt;
      return byte_key(packet.proxy_transparent ? 1 : 0);
  }
  assert(false);
  return std::nullopt;
}

std::optional<Key> compared_value(const Match& match, const Packet& packet) {
  const auto value = field_value(packet, match.field);
  if (value && (match.field == Field::mark || match.field == Field::ct_mark))
    return id_key(number_of(*value) & match.mask);
  return value;
}

bool holds(const Ruleset& rules, const Match& match, const Packet& packet) {
  const auto value = compared_value(match, packet);
  return value && is_in_operand(rules, match, *value) != match.negated;
}

std::optional<std::string> find_in_map(const Ruleset& rules, const JumpByMap& jump,
                                       const Packet& packet) {
  const auto value = field_value(packet, jump.field);
  const VerdictMap* map = rules.find_map(jump.map);
  if (!value || map == nullptr) return std::nullopt;
  const auto& elements = map->elements;
  const auto after =
      std::upper_bound(elements.begin(), elements.end(), *value,
                       [](const Key& k, const MapElement& e) { return k < e.range.first; });
  if (after == elements.begin() || std::prev(after)->range.last < *value) return std::nullopt;
  return std::prev(after)->chain;
}

}  // namespace weir::init
