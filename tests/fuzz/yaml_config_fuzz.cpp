// SPDX-License-Identifier: Apache-2.0
// Any text as a bootstrap: it becomes a Snapshot, or errors with a place; never a crash, and never
// for long.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config/snapshot_builder.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace {

using namespace weir;
using namespace weir::config;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void check_snapshot(const Snapshot& snapshot) {
  require(snapshot.cluster_index.size() == snapshot.clusters.size(), "cluster names are unique");
  for (const auto& cluster : snapshot.clusters) {
    require(snapshot.find_cluster(cluster->name).has_value(), "a cluster is found by its name");
    require(cluster->connect_timeout.count() > 0, "a connect timeout is not zero");
    for (const auto& endpoint : cluster->endpoints)
      require(endpoint.weight > 0, "a weight is not zero");
  }
  for (const auto& listener : snapshot.listeners) {
    require(!listener->addresses.empty(), "a listener has an address");
    for (const auto& log : listener->access_logs)
      require(log.format != nullptr, "an access log has a format");
  }
}

/// Returns how many errors there were.
std::size_t load(std::string_view text, Dialect dialect) {
  Diagnostics diagnostics;
  const auto document = parse_document("input", text, diagnostics);
  if (document) {
    envoy::config::bootstrap::v3::Bootstrap proto;
    yaml_to_proto(*document, dialect, proto, diagnostics);
    SourceMap sources;
    sources.add(document);
    if (!diagnostics.has_errors()) {
      const auto snapshot = build_snapshot(proto, testing::test_registry(), nullptr,
                                           ParseContext(diagnostics, sources));
      require(snapshot.has_value() != diagnostics.has_errors(), "a snapshot or errors");
      if (snapshot) check_snapshot(**snapshot);
    }
  }
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    require(diagnostic.place.file == "input", "a diagnostic names its file");
    require(!diagnostic.text.empty(), "a diagnostic says something");
  }
  return diagnostics.error_count();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t strict = load(text, Dialect::strict);
  // What strict accepts, lenient accepts.
  if (strict == 0) require(load(text, Dialect::lenient) == 0, "lenient takes what strict takes");
  return 0;
}
