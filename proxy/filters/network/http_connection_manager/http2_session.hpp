// SPDX-License-Identifier: Apache-2.0
// Http2Session: a client's connection that speaks HTTP/2.
#pragma once

#include <string_view>

#include "proxy/filters/network/http_connection_manager/session_core.hpp"

namespace weir::filters {

/// Takes a connection over whose first bytes are `bytes`, the connection preface in front.
void start_http2_session(HcmInstance& hcm, SessionCore&& core, std::string_view bytes);

}  // namespace weir::filters
