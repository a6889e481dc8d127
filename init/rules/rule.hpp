// SPDX-License-Identifier: Apache-2.0
// The rules as values: what plan_ruleset() wants, what the kernel is read back into, what render,
// diff, evaluate and the backends consume. No netlink, no text.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <endian.h>

#include "common/ip.hpp"

namespace weir::init {

/// Everything of ours lives in the one table `inet weir`.
inline constexpr std::string_view kTableName = "weir";
/// The table's comment; a table `inet weir` without it is somebody else's.
inline constexpr std::string_view kTableComment = "weir-init: transparent interception";

/// Type of the values that a field or a set holds.
enum class KeyType : std::uint8_t {
  ipv4_addr,
  ipv6_addr,
  inet_service,
  uid,
  gid,
  uid_range,  // users as numbers that have an order: a set of it holds intervals
  ifname,
  nfproto,
  l4proto,
  tcp_flags,
  mark,
  ct_state,
  boolean
};

/// One value. Big endian whatever the type, left aligned, the rest zero: keys of one type order as
/// numbers do, and interface names as strings.
struct Key {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Key&) const = default;
  /// By halves instead of bytes: long lists are sorted, merged and compared.
  std::strong_ordering operator<=>(const Key& other) const {
    if (const auto order = half(0) <=> other.half(0); order != 0) return order;
    return half(8) <=> other.half(8);
  }

 private:
  [[nodiscard]] std::uint64_t half(std::size_t offset) const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return be64toh(value);
  }
};

/// What a match looks at.
enum class Field : std::uint8_t {
  nfproto,
  l4proto,
  iifname,
  oifname,
  skuid,
  skuid_range,  // the same user, compared as a number (KeyType::uid_range)
  skgid,
  ip_saddr,
  ip_daddr,
  ip6_saddr,
  ip6_daddr,
  tcp_dport,
  udp_dport,
  udp_sport,
  tcp_flags,  // FIN, SYN, RST and ACK only: what tells a connection's first segment from all others
  mark,       // of the packet; under Match::mask
  ct_mark,    // of the connection; under Match::mask
  ct_state,   // one of the kCtState bits; a match holds when the packet's bit is in the operand
  socket_transparent  // a socket of this namespace would take the packet, one in TIME_WAIT too
                      // (which `socket wildcard` does not see); 1 = it may take foreign addresses
};
inline constexpr std::size_t kFieldCount = 19;
/// Bits of Field::ct_state, in a Key as a 32-bit number. Source: nf_conntrack_common.h,
/// NF_CT_STATE_BIT and NF_CT_STATE_INVALID_BIT.
inline constexpr std::uint32_t kCtStateInvalid = 1;
inline constexpr std::uint32_t kCtStateEstablished = 2;
inline constexpr std::uint32_t kCtStateRelated = 4;
inline constexpr std::uint32_t kCtStateNew = 8;
inline constexpr std::uint32_t kCtStateUntracked = 64;
/// FIN, SYN, RST, ACK. Source: RFC 9293, 3.1.
inline constexpr std::uint8_t kTcpFlagsMask = 0x17;
inline constexpr std::uint8_t kTcpSyn = 0x02;

/// Name of a set of the table.
struct SetName {
  std::string name;
  bool operator==(const SetName&) const = default;
};

/// Inclusive range; first == last for a single value.
struct Interval {
  Key first;
  Key last;
  auto operator<=>(const Interval&) const = default;
};

/// `field == operand`, `field in @set`, `field in {intervals}`, or the opposite. A field that a
/// packet does not have (an owner without a socket) fails the match either way, as nft does.
struct Match {
  Field field{};
  bool negated = false;
  std::variant<Key, SetName, std::vector<Interval>> operand;  // intervals: legacy rules only
  std::uint32_t mask = 0xffffffff;  // mark and ct_mark: the bits that are compared
  bool operator==(const Match&) const = default;
};

/// Something read back that this type cannot say. Never planned, never equal to anything planned,
/// never dropped.
struct Opaque {
  std::string text;
  bool operator==(const Opaque&) const = default;
};

struct Accept {
  bool operator==(const Accept&) const = default;
};
struct Drop {
  bool operator==(const Drop&) const = default;
};
struct Return {
  bool operator==(const Return&) const = default;
};
struct Jump {
  std::string chain;
  bool operator==(const Jump&) const = default;
};
struct Goto {
  std::string chain;
  bool operator==(const Goto&) const = default;
};
/// To `port` of the receiving interface's address (prerouting) or of loopback (output).
struct Redirect {
  std::uint16_t port = 0;  // host order
  bool operator==(const Redirect&) const = default;
};
/// Jumps to the chain that the map holds for the field's value. Without an entry the next rule
/// decides.
struct JumpByMap {
  Field field{};
  std::string map;
  bool operator==(const JumpByMap&) const = default;
};
/// Hands the packet to the transparent socket that listens on `port`, with the mark that the policy
/// route looks for, and accepts it. Without such a socket the next rule decides (xt_TPROXY drops
/// instead). Source: Documentation/networking/tproxy.rst.
struct Tproxy {
  std::uint16_t port = 0;  // host order
  std::uint32_t mark = 0;
  std::uint32_t mask = 0xffffffff;  // the bits of the packet's mark that become `mark`
  bool operator==(const Tproxy&) const = default;
};
/// How a refused packet is answered.
enum class Rejection : std::uint8_t { tcp_reset, port_unreachable };
struct Reject {
  Rejection kind{};
  bool operator==(const Reject&) const = default;
};
// After these the next rule decides.
/// Only counts.
struct Continue {
  bool operator==(const Continue&) const = default;
};
/// mark of the packet = (mark & ~mask) | value.
struct SetMark {
  std::uint32_t value = 0;
  std::uint32_t mask = 0xffffffff;
  bool operator==(const SetMark&) const = default;
};
/// mark of the connection = (mark & ~mask) | value.
struct SetCtMark {
  std::uint32_t value = 0;
  std::uint32_t mask = 0xffffffff;
  bool operator==(const SetCtMark&) const = default;
};
/// The connection tracking zone that the packet is looked up in; before connection tracking only.
struct SetZone {
  std::uint16_t zone = 0;
  bool operator==(const SetZone&) const = default;
};
/// The timeouts of the connection that this packet begins.
struct SetTimeout {
  std::string object;  // a CtTimeout of the table
  bool operator==(const SetTimeout&) const = default;
};
/// What a rule does. Continue and the Set… ones let the next rule decide; the others end the chain.
using Verdict = std::variant<Return, Accept, Drop, Jump, Goto, Redirect, JumpByMap, Opaque, Tproxy,
                             Reject, Continue, SetMark, SetCtMark, SetZone, SetTimeout>;

/// All matches hold → count → verdict. `comment` says why the rule exists and is kept in the
/// kernel.
struct Rule {
  std::vector<std::variant<Match, Opaque>> matches;
  Verdict verdict;
  std::string comment;
  bool counter = true;
  bool operator==(const Rule&) const = default;
};

enum class Hook : std::uint8_t { prerouting, input, output };
/// nat chains see the first packet of a connection, the others every packet; route chains find the
/// route anew when the mark has changed.
enum class ChainType : std::uint8_t { nat, filter, route };

/// Where a base chain hangs. Policy accept, always.
struct BaseHook {
  Hook hook{};
  int priority = 0;
  ChainType type = ChainType::nat;
  std::optional<IpFamily> family;  // legacy chains: the one family that they see
  bool operator==(const BaseHook&) const = default;
};

struct Chain {
  std::string name;
  std::optional<BaseHook> base;
  std::vector<Rule> rules;
  std::string unknown;  // read-back only: attributes that this type cannot say
  bool operator==(const Chain&) const = default;
};

/// A named set. Elements are sorted, disjoint and, where the type has intervals, never adjacent.
struct Set {
  std::string name;
  KeyType type{};
  std::string comment;
  std::vector<Interval> elements;
  std::string unknown;  // read-back only: attributes that this type cannot say
  bool operator==(const Set&) const = default;
};

struct MapElement {
  Interval range;
  std::string chain;  // to jump to
  bool operator==(const MapElement&) const = default;
};

/// A named map from intervals to chains. Elements are sorted and disjoint.
struct VerdictMap {
  std::string name;
  KeyType type{};
  std::string comment;
  std::vector<MapElement> elements;
  std::string unknown;  // read-back only: attributes that this type cannot say
  bool operator==(const VerdictMap&) const = default;
};

/// A connection tracking timeout object, for TCP. Source: nf_tables.h, NFT_OBJECT_CT_TIMEOUT.
struct CtTimeout {
  std::string name;
  IpFamily family{};
  std::uint32_t close_wait = 0;  // seconds; the other states keep the kernel's values
  std::string unknown;           // read-back only: attributes that this type cannot say
  bool operator==(const CtTimeout&) const = default;
};

/// The whole table.
struct Ruleset {
  std::string comment{kTableComment};
  std::vector<Set> sets;
  std::vector<VerdictMap> maps;
  std::vector<CtTimeout> timeouts;
  std::vector<Chain> chains;  // base chains first
  std::uint32_t flags = 0;    // table flags; 0 in every plan
  bool operator==(const Ruleset&) const = default;

  [[nodiscard]] const Set* find_set(std::string_view name) const;
  [[nodiscard]] const VerdictMap* find_map(std::string_view name) const;
  [[nodiscard]] const Chain* find_chain(std::string_view name) const;
  [[nodiscard]] std::size_t rule_count() const;
  [[nodiscard]] std::size_t element_count() const;
};

/// Bytes of a value of this type: 1, 2, 4 or 16.
std::size_t key_size(KeyType type);
/// Sets of users and groups are hashed, all others hold intervals (so that ranges work).
bool has_intervals(KeyType type);
/// Type of the values of a field.
KeyType key_type(Field field);

}  // namespace weir::init
