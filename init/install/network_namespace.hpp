// SPDX-License-Identifier: Apache-2.0
// Which network namespace is worked in: entering another one, and knowing the machine's own.
#pragma once

#include <string>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

/// Moves the process into the namespace that `where` names: a path (with a slash), a process ID, or
/// a name of `ip netns`. Where the process has no rights over the namespace, it enters the user
/// namespace that owns it first. Only for a process of one thread. Source: setns(2), ioctl_ns(2).
Result<void> enter_network_namespace(const std::string& where);

/// The file of a namespace that `where` names. Pure.
std::string network_namespace_path(const std::string& where);

/// Why this is known to be the network namespace that the machine started with; empty when nothing
/// says so.
std::string evidence_of_host_namespace(const Environment& environment);

}  // namespace weir::init
