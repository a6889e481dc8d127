// SPDX-License-Identifier: Apache-2.0
// The rules as values: what plan_ruleset() wants, what the kernel is read back into, what render,
// diff and the backends consume. No netlink, no text.
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
  ifname,
  nfproto,
  l4proto,
  tcp_flags
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
  skgid,
  ip_saddr,
  ip_daddr,
  ip6_saddr,
  ip6_daddr,
  tcp_dport,
  tcp_flags  // FIN, SYN, RST and ACK only: what tells a connection's first segment from all others
};
inline constexpr std::size_t kFieldCount = 12;
/// FIN, SYN, RST, ACK. Source: RFC 9293, 3.1.
inline constexpr std::uint8_t kTcpFlagsMask = 0x17;
inline constexpr std::uint8_t kTcpSyn = 0x02;

/// Name of a set of the table.
struct SetName {
  std::string name;
  bool operator==(const SetName&) const = default;
};

/// `field == operand`, `field in @set`, or the opposite. A field that a packet does not have (an
/// owner without a socket) fails the match either way, as nft does.
struct Match {
  Field field{};
  bool negated = false;
  std::variant<Key, SetName> operand;
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
using Verdict = std::variant<Return, Accept, Drop, Jump, Goto, Redirect, JumpByMap, Opaque>;

/// All matches hold → count → verdict. `comment` says why the rule exists and is kept in the
/// kernel.
struct Rule {
  std::vector<std::variant<Match, Opaque>> matches;
  Verdict verdict;
  std::string comment;
  bool counter = true;
  bool operator==(const Rule&) const = default;
};

enum class Hook : std::uint8_t { prerouting, output };

/// Where a base chain hangs. Type nat, policy accept: the only kind that REDIRECT mode needs.
struct BaseHook {
  Hook hook{};
  int priority = 0;
  bool operator==(const BaseHook&) const = default;
};

struct Chain {
  std::string name;
  std::optional<BaseHook> base;
  std::vector<Rule> rules;
  std::string unknown;  // read-back only: attributes that this type cannot say
  bool operator==(const Chain&) const = default;
};

/// Inclusive range; first == last for a single value.
struct Interval {
  Key first;
  Key last;
  auto operator<=>(const Interval&) const = default;
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

/// The whole table.
struct Ruleset {
  std::string comment{kTableComment};
  std::vector<Set> sets;
  std::vector<VerdictMap> maps;
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
