// SPDX-License-Identifier: Apache-2.0
// From files and flags to one Snapshot: the way static configuration comes in.
#pragma once

#include <memory>
#include <string>

#include "common/result.hpp"
#include "proxy/config/diagnostics.hpp"
#include "proxy/config/filter_registry.hpp"
#include "proxy/config/options.hpp"
#include "proxy/config/snapshot.hpp"
#include "proxy/config/yaml_to_proto.hpp"

namespace weir::config {

/// Where static configuration comes from, as the command line says.
struct BootstrapSource {
  std::string path;  // -c; "" = none. YAML or JSON, whatever its name
  std::string yaml;  // --config-yaml; merged over the file: lists append, single values replace
  std::string text;  // used instead of a file when `path` is empty: the built-in default
  std::string service_node;           // replaces node.id when not empty
  std::string service_cluster;        // replaces node.cluster when not empty
  Dialect dialect = Dialect::strict;  // lenient: unknown fields are warnings
};

/// The source that a command line names; the built-in configuration when it names none.
BootstrapSource bootstrap_source(const ProxyOptions& options);

/// Answers whether a listener's chains can be told apart (FilterChainMatcher::build). nullptr = not
/// asked.
using ListenerCheck = Result<void> (*)(const ListenerConfig& listener);

/// Reads, parses, checks. Every problem is in `diagnostics` with its place; the Error only sums up.
/// Main thread, at start.
Result<std::shared_ptr<const Snapshot>> load_snapshot(const BootstrapSource& source,
                                                      const FilterRegistry& registry,
                                                      ListenerCheck check,
                                                      Diagnostics& diagnostics);

}  // namespace weir::config
