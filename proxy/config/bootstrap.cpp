// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/bootstrap.hpp"

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config/default_config.hpp"
#include "proxy/config/file_text.hpp"
#include "proxy/config/snapshot_builder.hpp"

namespace weir::config {
namespace {

using BootstrapProto = envoy::config::bootstrap::v3::Bootstrap;

/// Documents merged into one message, each over the ones before it.
class MergedDocuments {
 public:
  MergedDocuments(Dialect dialect, Diagnostics& diagnostics)
      : dialect_(dialect), diagnostics_(diagnostics) {}

  void add(std::string name, std::string_view text) {
    const auto document = parse_document(std::move(name), text, diagnostics_);
    if (!document) return;
    BootstrapProto part;
    yaml_to_proto(*document, dialect_, part, diagnostics_);
    sources.add(document);
    proto.MergeFrom(part);
  }

  BootstrapProto proto;
  SourceMap sources;

 private:
  const Dialect dialect_;
  Diagnostics& diagnostics_;
};

}  // namespace

BootstrapSource bootstrap_source(const ProxyOptions& options) {
  BootstrapSource source;
  source.path = options.config_path;
  source.yaml = options.config_yaml;
  source.service_node = options.service_node;
  source.service_cluster = options.service_cluster;
  source.dialect = options.allow_unknown_static_fields ? Dialect::lenient : Dialect::strict;
  if (options.uses_default_config())
    source.text = default_config(
        {options.outbound, ipv6_is_available(), options.inbound, options.tproxy_mark});
  return source;
}

Result<std::shared_ptr<const Snapshot>> load_snapshot(const BootstrapSource& source,
                                                      const FilterRegistry& registry,
                                                      ListenerCheck check,
                                                      Diagnostics& diagnostics) {
  MergedDocuments merged(source.dialect, diagnostics);
  if (!source.path.empty()) {
    TRY(const std::string text, read_file(source.path, kLargestDocument, FileKind::any));
    merged.add(source.path, text);
  } else if (!source.text.empty()) {
    merged.add("built-in configuration", source.text);
  }
  if (!source.yaml.empty()) merged.add("--config-yaml", source.yaml);
  if (diagnostics.has_errors()) return refusal(diagnostics);
  if (!source.service_node.empty()) merged.proto.mutable_node()->set_id(source.service_node);
  if (!source.service_cluster.empty())
    merged.proto.mutable_node()->set_cluster(source.service_cluster);
  return build_snapshot(merged.proto, registry, check, ParseContext(diagnostics, merged.sources));
}

}  // namespace weir::config
