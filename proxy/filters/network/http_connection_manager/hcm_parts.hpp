// SPDX-License-Identifier: Apache-2.0
// Parts of hcm_from_proto that have files of their own.
#pragma once

#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"

namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class LocalReplyConfig;
}

namespace weir::filters {

/// http_filters: all but the router into `out.filters`, the router's own fields into `out`.
void read_http_filters(
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager&
        proto,
    const config::FilterRegistry& registry, const config::ParseContext& context, HcmConfig& out);

LocalReplyConfig local_reply_from_proto(
    const envoy::extensions::filters::network::http_connection_manager::v3::LocalReplyConfig& proto,
    const config::ParseContext& context);

}  // namespace weir::filters
