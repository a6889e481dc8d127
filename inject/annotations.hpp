// SPDX-License-Identifier: Apache-2.0
// Annotations whose text is a document of its own, and how a bad one is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/settings.hpp"

namespace weir::inject {

/// "annotation 'NAME': 'VALUE': reason", without the value where the reason quotes its part of it.
std::string annotation_error(std::string_view name, std::string_view value,
                             std::string_view reason);

/// The text of proxy.istio.io/config, YAML. What Weir does not take is warned of, by name.
Result<void> read_proxy_config(std::string_view text, PodSettings& settings,
                               std::vector<std::string>& warnings);

/// sidecar.istio.io/userVolume and userVolumeMount: JSON, a map from a name or a list with names.
Result<void> read_user_list(std::string_view text, std::vector<Node>& out);

/// Go's duration in whole seconds, rounded up: "5s", "1m30s".
Result<unsigned> whole_seconds(std::string_view text);

}  // namespace weir::inject
