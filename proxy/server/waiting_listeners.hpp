// SPDX-License-Identifier: Apache-2.0
// Which listeners can change now, when some of them have to wait.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proxy/config/listener_config.hpp"

namespace weir::server {

using Listeners = std::vector<std::shared_ptr<const config::ListenerConfig>>;

/// The way from `in_force` to `wanted` as far as it can be gone: the versions in force of those
/// that wait, and whatever they are to get an address from, which waits with them: nobody is to be
/// refused meanwhile at an address that is served before and after. The order is that of `wanted`;
/// what only is in force stands at the end.
Listeners without_waiting(const Listeners& wanted, const Listeners& in_force,
                          const std::function<bool(const config::ListenerConfig&)>& must_wait);

}  // namespace weir::server
