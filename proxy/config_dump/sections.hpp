// SPDX-License-Identifier: Apache-2.0
// The sections of /config_dump, one message each.
#pragma once

#include <memory>
#include <string_view>

#include "envoy/admin/v3/config_dump.pb.h"
#include "envoy/admin/v3/config_dump_shared.pb.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config_dump/dump_input.hpp"

namespace re2 {
class RE2;
}

namespace weir::config_dump {

/// What the sections are made from.
struct DumpContext {
  const DumpInput& input;
  envoy::config::bootstrap::v3::Bootstrap bootstrap;
  std::shared_ptr<const re2::RE2> names;  // null = every resource

  /// The query asks for resources of that name.
  [[nodiscard]] bool wants(std::string_view name) const;
};

envoy::admin::v3::BootstrapConfigDump dump_bootstrap(const DumpContext& context);
envoy::admin::v3::ClustersConfigDump dump_clusters(const DumpContext& context);
envoy::admin::v3::EndpointsConfigDump dump_endpoints(const DumpContext& context);
envoy::admin::v3::ListenersConfigDump dump_listeners(const DumpContext& context);
envoy::admin::v3::RoutesConfigDump dump_routes(const DumpContext& context);

}  // namespace weir::config_dump
