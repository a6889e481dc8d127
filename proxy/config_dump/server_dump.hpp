// SPDX-License-Identifier: Apache-2.0
// The way from a running server to its /config_dump.
#pragma once

#include "proxy/discovery/resource_store.hpp"
#include "proxy/server/server.hpp"

namespace weir::config_dump {

/// The server's admin answers /config_dump from now on. `store` outlives the server's run.
void serve_config_dump(const discovery::ResourceStore& store, server::Server& server);

}  // namespace weir::config_dump
