// SPDX-License-Identifier: Apache-2.0
// The text of a file of resources: a DiscoveryResponse in YAML or JSON.
#pragma once

#include <string>
#include <string_view>

#include "common/result.hpp"
#include "proxy/discovery/resource.hpp"

namespace weir::discovery {

/// An Update and what it points into.
struct ParsedFile {
  Update update;
  config::SourceMap sources;
};

/// Reads `resources`, each with "@type", or wrapped in a Resource; `version_info` may be left out:
/// then the version is made from the content. A resource that cannot be read is among
/// `update.rejected`. Error: the text as a whole is not usable; it lists every problem with its
/// line.
Result<std::unique_ptr<ParsedFile>> parse_resource_file(const std::string& file,
                                                        std::string_view text, ResourceType type);

}  // namespace weir::discovery
