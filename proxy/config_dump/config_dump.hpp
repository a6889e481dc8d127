// SPDX-License-Identifier: Apache-2.0
// /config_dump: the configuration in force and what was refused, as admin.v3.ConfigDump in JSON.
#pragma once

#include "proxy/admin/http_message.hpp"
#include "proxy/admin/query.hpp"
#include "proxy/config_dump/dump_input.hpp"

namespace weir::config_dump {

/// Takes `resource`, `mask`, `name_regex` and `include_eds`. A query that means nothing gets 400 or
/// 404 and Envoy's text.
admin::Response dump_config(const admin::QueryParams& params, const DumpInput& input);

}  // namespace weir::config_dump
