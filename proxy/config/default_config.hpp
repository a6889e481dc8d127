// SPDX-License-Identifier: Apache-2.0
// The built-in configuration: what weir-proxy does when it is told nothing.
#pragma once

#include <string>

#include "proxy/config/options.hpp"

namespace weir::config {

/// What the built-in configuration depends on.
struct DefaultConfigInput {
  OutboundMode outbound = OutboundMode::allow_any;
  bool ipv6 = true;  // the machine can bind [::]
  InboundMode inbound = InboundMode::redirect;
  std::uint32_t tproxy_mark = kTproxyMark;
};

/// YAML, in Envoy's terms: outbound on 15001 to the listener that owns the destination, else to
/// PassthroughCluster or BlackHoleCluster; inbound on 15006 to the same address, from 127.0.0.6 or
/// ::6, or in TPROXY mode from the client's own address; admin on 127.0.0.1:15000. Connections that
/// were never redirected end in BlackHoleCluster.
std::string default_config(const DefaultConfigInput& input);

/// True when an IPv6 socket can be bound here. Asks the kernel by binding one.
bool ipv6_is_available();

}  // namespace weir::config
