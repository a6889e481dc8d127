// SPDX-License-Identifier: Apache-2.0
// core.v3.ConfigSource into ConfigSource.
#pragma once

#include <optional>

#include "proxy/config/config_source.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::core::v3 {
class ConfigSource;
}

namespace weir::config {

/// nullopt after reporting what is wrong.
std::optional<ConfigSource> config_source_from_proto(
    const envoy::config::core::v3::ConfigSource& proto, const ParseContext& context);

}  // namespace weir::config
