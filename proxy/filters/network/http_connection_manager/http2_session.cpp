// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/http2_session.hpp"

namespace weir::filters {

void start_http2_session(HcmInstance& hcm, SessionCore&& core, std::string_view) {
  SessionCore gone(std::move(core));
  gone.report(hcm, tcp::EndReason::finished, 0, 0);
}

}  // namespace weir::filters
