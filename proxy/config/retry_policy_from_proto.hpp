// SPDX-License-Identifier: Apache-2.0
// route.v3.RetryPolicy into its narrow type.
#pragma once

#include <memory>

#include "proxy/config/parse_context.hpp"
#include "proxy/route/route_config.hpp"

namespace envoy::config::route::v3 {
class RetryPolicy;
}

namespace weir::config {

std::shared_ptr<const route::RetryPolicy> retry_policy_from_proto(
    const envoy::config::route::v3::RetryPolicy& proto, const ParseContext& context);

}  // namespace weir::config
