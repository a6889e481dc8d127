// SPDX-License-Identifier: Apache-2.0
// core.v3.ApiConfigSource into narrow types.
#pragma once

#include <optional>

#include "proxy/config/api_config_source.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::core::v3 {
class ApiConfigSource;
}

namespace weir::config {

/// What is wrong is reported; nullopt: there is nothing that could be asked. Whether a cluster of
/// that name exists is the snapshot's business.
std::optional<ApiConfigSource> api_config_source_from_proto(
    const envoy::config::core::v3::ApiConfigSource& proto, const ParseContext& context);

}  // namespace weir::config
