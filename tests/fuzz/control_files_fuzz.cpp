// SPDX-License-Identifier: Apache-2.0
// Any text as a file of weir-control's directory: it becomes resources, or errors with a place.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/build_resources.hpp"
#include "control/parse_file.hpp"

namespace {

using namespace weir;
using namespace weir::control;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  config::Diagnostics diagnostics;
  const auto objects = parse_file("input", text, diagnostics);
  for (const auto& diagnostic : diagnostics.all()) {
    require(diagnostic.place.file == "input", "a diagnostic names its file");
    require(!diagnostic.text.empty(), "a diagnostic says something");
  }
  if (diagnostics.has_errors()) return 0;
  const Registry registry = build_registry({&objects}, diagnostics);
  const NodeIdentity node{.id = "n", .name_space = "shop", .address = "203.0.113.11"};
  const ResourceSet set = build_resources(node, registry);
  for (const ResourceType type : kResourceTypes)
    for (const auto& [name, resource] : set.of(type))
      require(!name.empty() && !resource->version.empty(), "a resource has a name and a version");
  require(set.of(ResourceType::listener).contains("virtualOutbound") || !registry.builds_sidecar,
          "a sidecar has its capture listener");
  return 0;
}
