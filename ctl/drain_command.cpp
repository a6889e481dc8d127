// SPDX-License-Identifier: Apache-2.0
// weirctl drain: POST /healthcheck/fail. The proxy serves on, says DRAINING, and tells each HTTP
// connection to go.
#include "ctl/admin_client.hpp"
#include "ctl/commands.hpp"

namespace weir::ctl {

Result<void> begin_drain(const DrainOptions& options) {
  const auto answer = ask_admin(options.admin, "POST", "/healthcheck/fail", options.timeout);
  const std::string who = "admin '" + options.admin.to_string() + "': ";
  if (!answer) return Error{who + answer.error().message};
  if (answer->status != "200")
    return Error{who + "/healthcheck/fail answers " + answer->status + ": " + answer->body};
  return {};
}

}  // namespace weir::ctl
