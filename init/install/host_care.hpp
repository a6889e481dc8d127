// SPDX-License-Identifier: Apache-2.0
// On a machine itself a wrong rule locks its administrator out: what is done about that.
#pragma once

#include <optional>
#include <string>

#include "common/ip.hpp"
#include "common/result.hpp"
#include "init/cli/cli.hpp"

namespace weir::init {

/// Refuses a command that changes the machine's own network namespace, unless --host allows it;
/// then keeps the present SSH connection's port out of what is captured, and says so in the
/// warnings. Error EEXIST (a conflict): not allowed.
Result<void> take_care_of_host(Options& options, const Environment& environment);

/// The server's end of `SSH_CONNECTION` ("CLIENT PORT SERVER PORT"). Pure.
std::optional<Endpoint> ssh_server(const std::string& ssh_connection);

/// SSH_CONNECTION of this process, or, since sudo takes it away, of the nearest of its parents.
std::optional<std::string> ssh_connection(const Environment& environment);

}  // namespace weir::init
