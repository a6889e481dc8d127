// SPDX-License-Identifier: Apache-2.0
// The text of one flag → its typed value. Each error names the flag or variable, the item and the
// reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/ip.hpp"
#include "common/port_set.hpp"
#include "common/result.hpp"
#include "init/cli/command_line.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

/// Go's strconv.ParseBool: 1 t T true TRUE True 0 f F false FALSE False.
Result<bool> parse_boolean(const RawValue& value);
Result<std::uint16_t> parse_port(const RawValue& value);

/// Whether a list of ports may be `*`.
enum class Star : std::uint8_t { allowed, refused };
/// Ports and ranges (`8000-8010`, or `8000:8010` as iptables writes them), or @FILE.
Result<PortSet> parse_ports(const RawValue& value, Star star, const Environment& environment);
/// Prefixes and addresses, or @FILE, or `*` where allowed.
Result<CidrList> parse_cidrs(const RawValue& value, Star star, const Environment& environment);
Result<CidrRange> parse_loopback(const RawValue& value);
Result<std::vector<InterfacePattern>> parse_interfaces(const RawValue& value);
/// INTERFACE:PREFIX, separated by commas: `docker0:172.17.0.0/16,br+:2001:db8::/64`.
Result<std::vector<VirtualNetwork>> parse_virtual_networks(const RawValue& value);

/// Where names of users and groups are looked up: read directly, since a name service may be far
/// away or absent.
enum class IdKind : std::uint8_t { user, group };
/// Numbers, or names found in /etc/passwd or /etc/group.
Result<std::vector<std::uint32_t>> parse_ids(const RawValue& value, IdKind kind,
                                             const Environment& environment);
/// Id of `name` in the text of /etc/passwd or /etc/group (third field of a line).
std::optional<std::uint32_t> find_id(std::string_view database, std::string_view name);

/// Go's time.ParseDuration: `5s`, `1m30s`, `1.5h`, `500ms`, `0`. What is finer than a millisecond
/// is rounded up; at most a year.
Result<std::chrono::milliseconds> parse_duration(const RawValue& value);

/// MARK or MARK/MASK, decimal or 0x…; sets mark and mask. Without MASK: 0xfff, or for a larger mark
/// the fewest low bits that hold it. The mark and the one after it must fit in the mask.
Result<void> parse_mark(const RawValue& value, TproxyMarks& marks);
/// A number that is not one of the kernel's own tables (default, main, local).
Result<std::uint32_t> parse_route_table(const RawValue& value);

/// `[PROTOCOL:]PORTS:USERS`, separated by `;`: tcp unless udp is said; ports with ranges or `*`;
/// users with ranges, or names.
Result<std::vector<UserExclusion>> parse_user_exclusions(const RawValue& value,
                                                         const Environment& environment);

}  // namespace weir::init
