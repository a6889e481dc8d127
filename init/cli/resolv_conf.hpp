// SPDX-License-Identifier: Apache-2.0
// The name servers of /etc/resolv.conf.
#pragma once

#include <string_view>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace weir::init {

/// The addresses of all `nameserver` lines, without scopes (`%eth0`). Without such a line the
/// machine itself is asked: 127.0.0.1 and ::1. Source: resolv.conf(5). Error: a line whose address
/// is none, with its number.
Result<std::vector<IpAddress>> parse_resolv_conf(std::string_view text);

}  // namespace weir::init
