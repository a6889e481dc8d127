// SPDX-License-Identifier: Apache-2.0
// accesslog.v3.AccessLogFilter into RecordFilter.
#pragma once

#include "proxy/access_log/record_filter.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::accesslog::v3 {
class AccessLogFilter;
}

namespace weir::config {

/// Reports what is wrong; the result is meaningful only when nothing was.
access_log::RecordFilter record_filter_from_proto(
    const envoy::config::accesslog::v3::AccessLogFilter& proto, const ParseContext& context);

}  // namespace weir::config
