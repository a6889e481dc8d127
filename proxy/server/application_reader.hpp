// SPDX-License-Identifier: Apache-2.0
// Reads what ApplicationWatch decides from, as little of it as answers the question. No privileges
// are needed.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "common/result.hpp"
#include "proxy/server/application_watch.hpp"

namespace weir::server {

/// Whether the processes that are visible may be those of a Pod: there is a process namespace, and
/// its first process is another one.
/// Source: namespaces(7); the number of the machine's own namespace is fixed, PROC_PID_INIT_INO in
/// include/linux/proc_ns.h.
bool may_share_processes();

/// This process as others see it.
ProcessView own_process();

/// One that runs and is wanted; `likely`, if it is one, or any other. Without a value: none is
/// visible, or there is no /proc. Error: it cannot be known now, since descriptors or memory are
/// short.
Result<std::optional<pid_t>> find_process(const std::function<bool(const ProcessView&)>& is_wanted,
                                          pid_t likely,
                                          const std::filesystem::path& proc = "/proc");

/// Whether a TCP socket of this network namespace, of either family, is wanted. TIME_WAIT and other
/// states that end are not looked at.
/// Source: sock_diag(7), NETLINK_SOCK_DIAG. Error: this kernel has no inet_diag, it is forbidden,
/// or no descriptor is left.
Result<bool> has_tcp_socket(const std::function<bool(const SocketView&)>& is_wanted);

}  // namespace weir::server
