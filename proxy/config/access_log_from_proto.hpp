// SPDX-License-Identifier: Apache-2.0
// accesslog.v3.AccessLog and its sinks, into AccessLogConfig.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "proxy/access_log/access_log_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::accesslog::v3 {
class AccessLog;
}
namespace envoy::config::core::v3 {
class SubstitutionFormatString;
}

namespace weir::config {

/// Reports what is wrong with an item at `parent`.`field`[i]; items with errors are left out.
std::vector<access_log::AccessLogConfig> access_logs_from_proto(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& proto,
    const ParseContext& parent, std::string_view field);

/// How the body of an answer looks. nullptr after an error.
std::shared_ptr<const access_log::Format> body_format_from_proto(
    const envoy::config::core::v3::SubstitutionFormatString& proto, const ParseContext& context);

}  // namespace weir::config
