// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/load_files.hpp"

#include <set>
#include <string>

#include "proxy/config/file_text.hpp"
#include "proxy/config/yaml_document.hpp"
#include "proxy/discovery/resource_file.hpp"

namespace weir::discovery {
namespace {

void load_file(ResourceStore& store, ResourceType type, const config::ConfigSource& source) {
  if (!source.is_file()) return;
  const auto text =
      config::read_file(source.path, config::kLargestDocument, config::FileKind::regular);
  if (!text) return;
  const auto parsed = parse_resource_file(source.path, *text, type);
  if (parsed) store.update((*parsed)->update);
}

}  // namespace

void load_files(ResourceStore& store) {
  const auto fixed = store.snapshot();
  if (fixed->cds) load_file(store, ResourceType::cluster, *fixed->cds);
  std::set<std::string> paths;
  for (const auto& cluster : store.snapshot()->clusters)
    if (cluster->eds_source && paths.insert(cluster->eds_source->path).second)
      load_file(store, ResourceType::endpoints, *cluster->eds_source);
  if (fixed->lds) load_file(store, ResourceType::listener, *fixed->lds);
  paths.clear();
  for (const auto& listener : store.snapshot()->listeners)
    config::each_route_table(*listener, [&](const config::RouteTableRef& table) {
      if (paths.insert(table.source.path).second)
        load_file(store, ResourceType::route, table.source);
      return true;
    });
}

}  // namespace weir::discovery
