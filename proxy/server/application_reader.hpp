// SPDX-License-Identifier: Apache-2.0
// Reads what ApplicationWatch decides from. No privileges are needed.
#pragma once

#include <filesystem>
#include <vector>

#include "common/result.hpp"
#include "proxy/server/application_watch.hpp"

namespace weir::server {

/// Whether the processes that are visible may be those of a Pod: there is a process namespace, and
/// its first process is another one.
/// Source: namespaces(7); the number of the machine's own namespace is fixed, PROC_PID_INIT_INO in
/// include/linux/proc_ns.h.
bool may_share_processes();

/// All that are visible; none where there is no /proc.
std::vector<ProcessView> read_processes(const std::filesystem::path& proc = "/proc");

/// TCP sockets of both families in this network namespace.
/// Source: sock_diag(7), NETLINK_SOCK_DIAG. Error: this kernel has no inet_diag, or it is
/// forbidden.
Result<std::vector<SocketView>> read_tcp_sockets();

}  // namespace weir::server
