// SPDX-License-Identifier: Apache-2.0
// A file of manifests → the same file with its Pods injected, or with that taken back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/options.hpp"

namespace weir::inject {

/// json_patch: not the documents but what changes them (RFC 6902), for one document.
enum class Output : std::uint8_t { as_input, yaml, json, json_patch };

/// `text` is empty when something was refused. Each line names the object and the field.
struct ManifestResult {
  std::string text;
  std::vector<std::string> notes;     // "Deployment 'shop': left alone: …", warnings
  std::vector<std::string> refusals;  // "Deployment 'shop': field '/spec/…': reason; remedy"
};

/// Documents that do not change keep their bytes. Error for what is no YAML or JSON, with line and
/// column.
Result<ManifestResult> inject_manifest(std::string_view text, const InjectOptions& options,
                                       Output output = Output::as_input);
Result<ManifestResult> uninject_manifest(std::string_view text, Output output = Output::as_input);

}  // namespace weir::inject
