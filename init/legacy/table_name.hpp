// SPDX-License-Identifier: Apache-2.0
// The legacy tables that rules of ours can be in, and which of them a network namespace has.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/ip.hpp"

namespace weir::init {

struct TableName {
  IpFamily family{};
  std::string table;  // raw, mangle, filter, nat
  bool operator==(const TableName&) const = default;
  /// `ip/nat/`: how lowered chains are named.
  [[nodiscard]] std::string prefix() const;
  /// `table nat of iptables-legacy`, for messages.
  [[nodiscard]] std::string to_string() const;
};

/// All of them, in the order in which rules come into force: what rules rely on before what sends
/// traffic to the proxy.
std::vector<TableName> all_tables();

/// The tables that exist in this network namespace; absent when /proc does not say. Nothing is
/// loaded or created by asking. Source: /proc/net/ip_tables_names and ip6_tables_names.
std::optional<std::vector<std::string>> existing_tables(IpFamily family);
/// Whether the kernel has legacy tables of the family at all.
bool has_legacy_tables(IpFamily family);
/// Whether any interface of the namespace has an IPv6 address.
bool namespace_has_ipv6();

}  // namespace weir::init
