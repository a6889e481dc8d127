// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/bootstrap.hpp"

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/config/file_text.hpp"
#include "proxy/config/snapshot_builder.hpp"
#include "proxy/config/yaml_to_proto.hpp"

namespace weir::config {
namespace {

using BootstrapProto = envoy::config::bootstrap::v3::Bootstrap;

/// Parses one document and merges it over what is there.
void merge_document(std::string name, std::string_view text, BootstrapProto& proto,
                    SourceMap& sources, Diagnostics& diagnostics) {
  const auto document = parse_document(name, text, diagnostics);
  if (!document) return;
  BootstrapProto part;
  yaml_to_proto(*document, Dialect::strict, part, diagnostics);
  sources.add(std::move(name), document->root);
  if (proto.ByteSizeLong() == 0)
    proto = std::move(part);
  else
    proto.MergeFrom(part);
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> load_snapshot(const BootstrapSource& source,
                                                      const FilterRegistry& registry,
                                                      ListenerCheck check,
                                                      Diagnostics& diagnostics) {
  BootstrapProto proto;
  SourceMap sources;
  if (!source.path.empty()) {
    TRY(const std::string text, read_file(source.path, kLargestDocument, FileKind::any));
    merge_document(source.path, text, proto, sources, diagnostics);
  } else if (!source.text.empty()) {
    merge_document("built-in configuration", source.text, proto, sources, diagnostics);
  }
  if (!source.yaml.empty())
    merge_document("--config-yaml", source.yaml, proto, sources, diagnostics);
  if (diagnostics.has_errors()) {
    const std::size_t errors = diagnostics.error_count();
    return Error{"configuration refused: " + std::to_string(errors) +
                 (errors == 1 ? " error" : " errors")};
  }
  if (!source.service_node.empty()) proto.mutable_node()->set_id(source.service_node);
  if (!source.service_cluster.empty()) proto.mutable_node()->set_cluster(source.service_cluster);
  return build_snapshot(proto, registry, check, ParseContext(diagnostics, sources));
}

}  // namespace weir::config
