// SPDX-License-Identifier: Apache-2.0
// Addresses as text, without memory of their own.
#pragma once

#include <array>
#include <string_view>

#include "common/ip.hpp"

namespace weir::access_log {

/// Room for "[" + an IPv6 address + "]:65535".
using AddressBuffer = std::array<char, 64>;

/// As IpAddress::to_string(). Borrows `buffer`.
std::string_view print_address(const IpAddress& address, AddressBuffer& buffer);
/// As Endpoint::to_string(). Borrows `buffer`.
std::string_view print_endpoint(const Endpoint& endpoint, AddressBuffer& buffer);

}  // namespace weir::access_log
