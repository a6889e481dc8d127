// SPDX-License-Identifier: Apache-2.0
// The connection that `explain` is asked about → the packet that begins it in this network
// namespace. Asks the kernel's routing, changes nothing.
#pragma once

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/rules/evaluate.hpp"

namespace weir::init {

/// What the query leaves open is what the kernel would choose: interface and source by its routing,
/// user and group 1000. Error: no route, or no interface that the connection could come in by.
Result<Packet> packet_for(const ExplainQuery& query);

}  // namespace weir::init
