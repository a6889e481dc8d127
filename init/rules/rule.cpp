// SPDX-License-Identifier: Apache-2.0
#include "init/rules/rule.hpp"

#include <algorithm>
#include <cassert>

namespace weir::init {
namespace {

template <class T>
const T* find_named(const std::vector<T>& items, std::string_view name) {
  const auto at =
      std::find_if(items.begin(), items.end(), [&](const T& i) { return i.name == name; });
  return at == items.end() ? nullptr : &*at;
}

}  // namespace

const Set* Ruleset::find_set(std::string_view name) const { return find_named(sets, name); }

const VerdictMap* Ruleset::find_map(std::string_view name) const { return find_named(maps, name); }

const Chain* Ruleset::find_chain(std::string_view name) const { return find_named(chains, name); }

std::size_t Ruleset::rule_count() const {
  std::size_t count = 0;
  for (const Chain& chain : chains) count += chain.rules.size();
  return count;
}

std::size_t Ruleset::element_count() const {
  std::size_t count = 0;
  for (const Set& set : sets) count += set.elements.size();
  for (const VerdictMap& map : maps) count += map.elements.size();
  return count;
}

std::size_t key_size(KeyType type) {
  switch (type) {
    case KeyType::nfproto:
    case KeyType::l4proto:
    case KeyType::tcp_flags:
    case KeyType::boolean:
      return 1;
    case KeyType::inet_service:
      return 2;
    case KeyType::ipv4_addr:
    case KeyType::uid:
    case KeyType::gid:
    case KeyType::uid_range:
    case KeyType::mark:
    case KeyType::ct_state:
      return 4;
    case KeyType::ipv6_addr:
    case KeyType::ifname:
      return 16;
  }
  assert(false);
  return 0;
}

bool has_intervals(KeyType type) { return type != KeyType::uid && type != KeyType::gid; }

KeyType key_type(Field field) {
  switch (field) {
    case Field::nfproto:
      return KeyType::nfproto;
    case Field::l4proto:
      return KeyType::l4proto;
    case Field::iifname:
    case Field::oifname:
      return KeyType::ifname;
    case Field::skuid:
      return KeyType::uid;
    case Field::skuid_range:
      return KeyType::uid_range;
    case Field::skgid:
      return KeyType::gid;
    case Field::ip_saddr:
    case Field::ip_daddr:
      return KeyType::ipv4_addr;
    case Field::ip6_saddr:
    case Field::ip6_daddr:
      return KeyType::ipv6_addr;
    case Field::tcp_dport:
    case Field::udp_dport:
    case Field::udp_sport:
      return KeyType::inet_service;
    case Field::tcp_flags:
      return KeyType::tcp_flags;
    case Field::mark:
    case Field::ct_mark:
      return KeyType::mark;
    case Field::ct_state:
      return KeyType::ct_state;
    case Field::socket_transparent:
      return KeyType::boolean;
  }
  assert(false);
  return KeyType::l4proto;
}

}  // namespace weir::init
