// SPDX-License-Identifier: Apache-2.0
// One type per role of an address. Mixing them up is the bug that this product must not have.
#pragma once

#include "common/ip.hpp"

namespace weir {

/// An Endpoint with a role. `Role` is only a tag.
template <class Role>
struct RoleEndpoint {
  Endpoint endpoint;

  [[nodiscard]] std::string to_string() const { return endpoint.to_string(); }
  auto operator<=>(const RoleEndpoint&) const = default;
};

using DownstreamAddress = RoleEndpoint<struct DownstreamRole>;  // peer of an accepted socket
using ListenAddress = RoleEndpoint<struct ListenRole>;  // what a listener is bound to or named by
using OriginalDestination =
    RoleEndpoint<struct OriginalDestinationRole>;  // what the client dialled, before REDIRECT
using UpstreamAddress = RoleEndpoint<struct UpstreamRole>;  // what we dial

}  // namespace weir
