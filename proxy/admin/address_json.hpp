// SPDX-License-Identifier: Apache-2.0
// core.v3.Address in JSON.
#pragma once

#include "common/ip.hpp"
#include "common/json_writer.hpp"

namespace weir::admin {

/// {"socket_address": {"address": …, "port_value": …}}
void write_address(JsonWriter& json, const Endpoint& endpoint);

}  // namespace weir::admin
