// SPDX-License-Identifier: Apache-2.0
// Every socket option that Weir reads or sets, one function each, with its kernel source.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/addresses.hpp"
#include "common/result.hpp"

namespace weir {

/// Reads the destination the client dialled, before REDIRECT. `family` is the client's: IPv4-mapped
/// peers are v4.
/// @return equals the local address when conntrack saw the flow but did not rewrite it;
///   Error ENOENT when conntrack has no entry (no rules, TPROXY), ENOPROTOOPT without conntrack
///   support.
/// Source: linux/netfilter_ipv4.h SO_ORIGINAL_DST, linux/netfilter_ipv6/ip6_tables.h
/// IP6T_SO_ORIGINAL_DST.
Result<OriginalDestination> original_destination(int fd, IpFamily family);

/// Plain option setters. `fd` is borrowed; Error names the option and carries errno.
Result<void> set_reuse_port(int fd, bool on);     // SO_REUSEPORT, socket(7)
Result<void> set_reuse_address(int fd, bool on);  // SO_REUSEADDR, socket(7)
Result<void> set_no_delay(int fd, bool on);       // TCP_NODELAY, tcp(7)
Result<void> set_v6_only(int fd, bool on);        // IPV6_V6ONLY, ipv6(7)
Result<void> set_transparent(int fd, IpFamily family,
                             bool on);                        // IP_TRANSPARENT / IPV6_TRANSPARENT
Result<void> set_freebind(int fd, IpFamily family, bool on);  // IP_FREEBIND / IPV6_FREEBIND
Result<void> set_bind_address_no_port(int fd, bool on);       // IP_BIND_ADDRESS_NO_PORT, ip(7)
Result<void> set_mark(int fd, std::uint32_t mark);  // SO_MARK, needs CAP_NET_ADMIN or CAP_NET_RAW
Result<void> set_reset_on_close(int fd);            // SO_LINGER 0: close(2) sends RST
Result<void> set_congestion_control(int fd, std::string_view name);  // TCP_CONGESTION, tcp(7)
Result<void> set_user_timeout(int fd,
                              std::chrono::milliseconds timeout);  // TCP_USER_TIMEOUT, RFC 5482
/// TCP_QUICKACK, tcp(7). Off before connect(2): the ACK that ends the handshake waits for the first
/// data and goes with it. On: an ACK that waits is sent at once.
Result<void> set_quick_ack(int fd, bool on);
/// Any option by level and name (Envoy core.v3.SocketOption). `value` holds the raw option bytes.
Result<void> set_raw_option(int fd, int level, int name, std::string_view value);

/// Dead-peer detection: first probe after `idle`, then every `interval`, gone after `probes`
/// unanswered.
struct KeepAlive {
  std::chrono::seconds idle{0};      // 0 = the kernel's default, tcp_keepalive_time
  std::chrono::seconds interval{0};  // 0 = the kernel's default
  int probes = 0;                    // 0 = the kernel's default
  bool operator==(const KeepAlive&) const = default;
};
Result<void> set_keep_alive(int fd,
                            const KeepAlive& keep_alive);  // SO_KEEPALIVE, TCP_KEEPIDLE/INTVL/CNT

/// On a listening socket: whether the first segments of new connections (SYN) are dropped before
/// the kernel answers them. Handshakes that are under way still end. Clients send again, after a
/// second at first. Accepted sockets inherit it, and must get off.
/// A matter of TTLs, since socket filters on TCP need CAP_NET_ADMIN with newer kernels: nobody has
/// the 255 that is demanded, but the rare neighbour that begins with it, whose segments get
/// through. Source: IP_MINTTL, ip(7); tcp_v4_rcv() looks at it for the listening socket, but not
/// for the segment that ends a handshake.
Result<void> set_first_segments_dropped(int fd, IpFamily family, bool on);

/// Pending error of a socket, cleared by reading it (SO_ERROR). 0 = none.
int take_socket_error(int fd);

/// True when the kernel answers IP_TRANSPARENT / IPV6_TRANSPARENT with 1.
bool is_transparent(int fd, IpFamily family);

}  // namespace weir
