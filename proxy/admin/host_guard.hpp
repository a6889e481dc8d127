// SPDX-License-Identifier: Apache-2.0
// Who may talk to an admin server on loopback: not a web page that a browser of this machine shows.
#pragma once

#include <string_view>

#include "common/ip.hpp"

namespace weir::admin {

/// True when a Host header ("name[:port]") names this machine's loopback or `local` itself. Any
/// other name reached us through a DNS answer that points at loopback (DNS rebinding).
bool names_this_host(std::string_view host, const IpAddress& local);

/// True when a request that changes something comes from a page of another origin (cross-site
/// request forgery). `origin` is the Origin header, "" = none.
bool is_foreign_origin(std::string_view origin, std::string_view host);

}  // namespace weir::admin
