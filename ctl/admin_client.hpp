// SPDX-License-Identifier: Apache-2.0
// One request to the admin server of a weir-proxy (proxy/admin), which closes the connection after
// its answer.
#pragma once

#include <chrono>
#include <string>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace weir::ctl {

struct AdminAnswer {
  std::string status;  // three digits
  std::string body;    // without the line ends at its end
};

/// `method` and `path` as they are sent. Blocks for at most `time`; Error: what was in the way,
/// without the address.
Result<AdminAnswer> ask_admin(const Endpoint& admin, const std::string& method,
                              const std::string& path, std::chrono::steady_clock::duration time);

}  // namespace weir::ctl
