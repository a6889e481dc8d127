// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_dump/server_dump.hpp"

#include "proxy/config_dump/config_dump.hpp"

namespace weir::config_dump {

void serve_config_dump(const discovery::ResourceStore& store, server::Server& server) {
  server.set_config_dump([&store, &server, started = std::chrono::system_clock::now()](
                             const admin::QueryParams& params) {
    const auto& listeners = server.listener_manager();
    return dump_config(
        params, {store, started, listeners.in_force(), listeners.draining(), server.clusters()});
  });
}

}  // namespace weir::config_dump
