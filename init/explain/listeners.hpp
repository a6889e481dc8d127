// SPDX-License-Identifier: Apache-2.0
// Who listens in this namespace, read from the kernel's socket tables. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

/// A socket that takes connections (TCP), or datagrams of anybody (UDP).
struct Listener {
  bool udp = false;
  Endpoint local;
  std::uint32_t uid = 0;  // of its owner
  bool operator==(const Listener&) const = default;
};

/// /proc/net/tcp, tcp6, udp and udp6 of this process's namespace. A family that is off has none.
Result<std::vector<Listener>> read_listeners(const Environment& environment);

/// One of those texts. Source: Documentation/networking/proc_net_tcp.rst.
std::vector<Listener> parse_socket_table(std::string_view text, IpFamily family, bool udp);

/// Whether one takes what arrives for `to`. A socket on :: is taken to serve IPv4 too: the tables
/// do not say whether it does.
bool takes(const std::vector<Listener>& listeners, bool udp, const Endpoint& to);

}  // namespace weir::init
