// SPDX-License-Identifier: Apache-2.0
// SourceMap: finds the line and column of a field path, long after the document became a message.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/diagnostics.hpp"
#include "proxy/config/yaml_document.hpp"

namespace weir::config {

/// The parsed documents behind one configuration, in the order in which they were merged. Costs
/// nothing until asked.
class SourceMap {
 public:
  void add(std::shared_ptr<const YamlDocument> document) {
    documents_.push_back(std::move(document));
  }

  /// Place of `path` ("a.b[2].c", names in snake_case). Of a field that is not written, the place
  /// of what should hold it. Items of a repeated field count through all documents, as merging
  /// appends them.
  [[nodiscard]] Place locate(std::string_view path) const;

 private:
  std::vector<std::shared_ptr<const YamlDocument>> documents_;
};

}  // namespace weir::config
