// SPDX-License-Identifier: Apache-2.0
// What a client, or a filter's own request, is told of an attempt that failed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/access_log/record.hpp"
#include "proxy/http_client/exchange.hpp"

namespace weir::filters {

/// What a failed attempt is called, in bodies and in %RESPONSE_CODE_DETAILS%.
struct ResetText {
  std::string_view words;
  access_log::ResponseFlag flag;
  std::uint16_t status;
};
ResetText reset_text(http_client::ResetReason reason);

/// The body of the answer. `retried`: it was not the only attempt.
std::string reset_body(const ResetText& text, bool retried);

}  // namespace weir::filters
