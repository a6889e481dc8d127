// SPDX-License-Identifier: Apache-2.0
// The admin endpoints: a request and the state of the server become an answer and what to do.
#pragma once

#include <variant>

#include "proxy/admin/admin_source.hpp"
#include "proxy/admin/http_message.hpp"
#include "proxy/admin/log_levels.hpp"

namespace weir::admin {

struct Quit {};
struct SetHealthCheck {
  bool failed = false;
};
struct ReopenLogs {};
/// What a request asks the server to do; monostate = only look.
using Effect =
    std::variant<std::monostate, Quit, DrainRequest, SetHealthCheck, ReopenLogs, LogLevels>;

struct Answer {
  Response response;
  Effect effect;
};

/// Looks the path up and runs its endpoint. Changes nothing: see apply_effect().
Answer answer_request(const Request& request, const AdminSource& source);

/// Quit included: call that one after the answer was sent.
void apply_effect(const Effect& effect, AdminSource& source);

}  // namespace weir::admin
