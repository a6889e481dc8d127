// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/table_name.hpp"

#include <algorithm>

#include <unistd.h>

#include "init/system/small_file.hpp"

namespace weir::init {
namespace {

std::string names_file(IpFamily family) {
  return family == IpFamily::v4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
}

}  // namespace

std::string TableName::prefix() const {
  return (family == IpFamily::v4 ? "ip/" : "ip6/") + table + "/";
}

std::string TableName::to_string() const {
  return "table " + table + " of " + (family == IpFamily::v4 ? "iptables" : "ip6tables") +
         "-legacy";
}

std::vector<TableName> all_tables() {
  std::vector<TableName> tables;
  for (const char* table : {"raw", "filter", "mangle", "nat"})
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) tables.push_back({family, table});
  return tables;
}

std::optional<std::vector<std::string>> existing_tables(IpFamily family) {
  const auto names = read_small_file(names_file(family));
  if (!names) return std::nullopt;
  return lines_of(*names);
}

bool has_legacy_tables(IpFamily family) {
  // Without /proc the first use of a table will tell.
  return access("/proc/net", F_OK) != 0 || access(names_file(family).c_str(), F_OK) == 0;
}

bool namespace_has_ipv6() {
  const auto addresses = read_small_file("/proc/net/if_inet6");
  return addresses && !addresses->empty();
}

}  // namespace weir::init
