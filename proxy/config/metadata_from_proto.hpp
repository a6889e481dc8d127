// SPDX-License-Identifier: Apache-2.0
// core.v3.Metadata of routes and virtual hosts.
#pragma once

#include <memory>

#include "proxy/http/metadata.hpp"

namespace envoy::config::core::v3 {
class Metadata;
}

namespace weir::config {

/// filter_metadata with each value as JSON, in the order of the names; nullptr when there is none.
std::shared_ptr<const http::Metadata> metadata_from_proto(
    const envoy::config::core::v3::Metadata& proto);

}  // namespace weir::config
