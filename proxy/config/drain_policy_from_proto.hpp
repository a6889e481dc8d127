// SPDX-License-Identifier: Apache-2.0
// The drain policy of a listener, out of metadata.filter_metadata.weir.
#pragma once

#include "proxy/config/listener_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::listener::v3 {
class Listener;
}

namespace weir::config {

/// `context` is the listener's. Reports what is no policy, and what else our part of the metadata
/// has.
DrainPolicy drain_policy_from_proto(const envoy::config::listener::v3::Listener& proto,
                                    const ParseContext& context);

/// A listener is the same with another policy: takes it out of what is compared.
void forget_drain_policy(envoy::config::listener::v3::Listener& proto);

}  // namespace weir::config
