// SPDX-License-Identifier: Apache-2.0
// The numbers that weir-init and weir-proxy agree on, each with its reason.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

inline constexpr std::uint16_t kOutboundPort =
    15001;                                            // redirected outbound connections arrive here
inline constexpr std::uint16_t kInboundPort = 15006;  // redirected inbound connections arrive here
inline constexpr std::uint16_t kInboundTunnelPort =
    15008;  // HBONE: the proxy listens itself, never redirected
inline constexpr std::uint16_t kDnsPort = 15053;    // captured DNS requests go here
inline constexpr std::uint16_t kAdminPort = 15000;  // admin server, loopback only
inline constexpr std::uint32_t kProxyUid = 1337;    // identity whose traffic is not redirected

// Mark of packets that TPROXY mode gives to the proxy, and of the proxy's source-keeping sockets:
// the rules and the policy route bring the answers to those back to it.
inline constexpr std::uint32_t kTproxyMark = 1337;

// Source address of the inbound passthrough cluster. Traffic from it on lo is left alone by the
// rules, which keeps proxy → application connections from being redirected again. ::6 must be added
// to lo, 127.0.0.6 need not.
inline constexpr std::string_view kPassthroughSourceV4 = "127.0.0.6";
inline constexpr std::string_view kPassthroughSourceV6 = "::6";

}  // namespace weir
