// SPDX-License-Identifier: Apache-2.0
// Dead-peer detection, on by default: a peer that vanished must not hold a connection for hours.
#pragma once

#include <chrono>

#include "common/socket_options.hpp"

namespace weir::tcp {

/// First probe after 5 minutes of silence, then every 30 s, gone after 4 unanswered.
inline constexpr KeepAlive kKeepAlive{std::chrono::seconds{300}, std::chrono::seconds{30}, 4};
/// Sent data that stays unacknowledged this long ends the connection (RFC 5482). Longer than any
/// sane outage of a path, far shorter than the kernel's quarter of an hour.
inline constexpr std::chrono::milliseconds kUserTimeout{std::chrono::minutes{3}};

}  // namespace weir::tcp
