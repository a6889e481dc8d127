// SPDX-License-Identifier: Apache-2.0
// What the kernel's routing would do with a packet of this namespace. Asks rtnetlink, changes
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace weir::init {

struct RouteQuery {
  IpAddress destination;
  std::optional<IpAddress> source;
  std::optional<std::uint32_t> uid;
  std::uint32_t mark = 0;
};

struct RouteAnswer {
  std::string interface;            // "lo" for the namespace's own addresses
  std::optional<IpAddress> source;  // that the kernel would choose
};

/// ENETUNREACH and the like, as connect() would fail: there is no route.
Result<RouteAnswer> find_route(const RouteQuery& query);

/// The interface that holds `address`; empty when none does.
Result<std::string> interface_of(const IpAddress& address);

}  // namespace weir::init
