// SPDX-License-Identifier: Apache-2.0
// core.v3.DataSource: text that configuration holds, or names a place for.
#pragma once

#include <optional>
#include <string>

#include "proxy/config/parse_context.hpp"

namespace envoy::config::core::v3 {
class DataSource;
}

namespace weir::config {

/// Inline text or bytes, an environment variable, or a regular file of at most 1 MiB. Reported and
/// nullopt when it cannot be had.
std::optional<std::string> read_data_source(const envoy::config::core::v3::DataSource& proto,
                                            const ParseContext& context);

}  // namespace weir::config
