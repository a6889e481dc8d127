// SPDX-License-Identifier: Apache-2.0
#include "common/socket_options.hpp"

#include <cerrno>
#include <cstring>

#include "common/kernel_headers.hpp"
#include "common/socket_address.hpp"

namespace weir {
namespace {

Error option_error(std::string_view option) {
  const int code = errno;
  return Error{"setsockopt " + std::string(option) + ": " + std::strerror(code), code};
}

template <class T>
Result<void> set_option(int fd, int level, int name, std::string_view option, const T& value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) return option_error(option);
  return {};
}

}  // namespace

Result<OriginalDestination> original_destination(int fd, IpFamily family) {
  SocketAddress address;
  const bool v4 = family == IpFamily::v4;
  const int rc = getsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? SO_ORIGINAL_DST : IP6T_SO_ORIGINAL_DST,
                            &address.generic, &address.length);
  if (rc != 0) {
    const int code = errno;
    return Error{std::string("getsockopt SO_ORIGINAL_DST: ") + std::strerror(code), code};
  }
  return OriginalDestination{address.endpoint()};
}

Result<void> set_reuse_port(int fd, bool on) {
  return set_option(fd, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", int{on});
}

Result<void> set_reuse_address(int fd, bool on) {
  return set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", int{on});
}

Result<void> set_no_delay(int fd, bool on) {
  return set_option(fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", int{on});
}

Result<void> set_v6_only(int fd, bool on) {
  return set_option(fd, SOL_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", int{on});
}

Result<void> set_transparent(int fd, IpFamily family, bool on) {
  return family == IpFamily::v4
             ? set_option(fd, SOL_IP, IP_TRANSPARENT, "IP_TRANSPARENT", int{on})
             : set_option(fd, SOL_IPV6, IPV6_TRANSPARENT, "IPV6_TRANSPARENT", int{on});
}

Result<void> set_freebind(int fd, IpFamily family, bool on) {
  return family == IpFamily::v4 ? set_option(fd, SOL_IP, IP_FREEBIND, "IP_FREEBIND", int{on})
                                : set_option(fd, SOL_IPV6, IPV6_FREEBIND, "IPV6_FREEBIND", int{on});
}

Result<void> set_bind_address_no_port(int fd, bool on) {
  return set_option(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT", int{on});
}

Result<void> set_mark(int fd, std::uint32_t mark) {
  return set_option(fd, SOL_SOCKET, SO_MARK, "SO_MARK", mark);
}

Result<void> set_reset_on_close(int fd) {
  return set_option(fd, SOL_SOCKET, SO_LINGER, "SO_LINGER", linger{.l_onoff = 1, .l_linger = 0});
}

Result<void> set_congestion_control(int fd, std::string_view name) {
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                 static_cast<socklen_t>(name.size())) != 0)
    return option_error("TCP_CONGESTION");
  return {};
}

Result<void> set_user_timeout(int fd, std::chrono::milliseconds timeout) {
  return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT",
                    static_cast<unsigned>(timeout.count()));
}

Result<void> set_quick_ack(int fd, bool on) {
  return set_option(fd, IPPROTO_TCP, TCP_QUICKACK, "TCP_QUICKACK", int{on});
}

Result<void> set_raw_option(int fd, int level, int name, std::string_view value) {
  if (setsockopt(fd, level, name, value.data(), static_cast<socklen_t>(value.size())) != 0)
    return option_error("level " + std::to_string(level) + " name " + std::to_string(name));
  return {};
}

Result<void> set_keep_alive(int fd, const KeepAlive& keep_alive) {
  TRY_VOID(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", int{1}));
  if (keep_alive.idle.count() > 0)
    TRY_VOID(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE",
                        static_cast<int>(keep_alive.idle.count())));
  if (keep_alive.interval.count() > 0)
    TRY_VOID(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL",
                        static_cast<int>(keep_alive.interval.count())));
  if (keep_alive.probes > 0)
    TRY_VOID(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", keep_alive.probes));
  return {};
}

Result<void> set_first_segments_dropped(int fd, IpFamily family, bool on) {
  const int least = on ? 255 : 0;
  if (family == IpFamily::v6)
    TRY_VOID(set_option(fd, SOL_IPV6, IPV6_MINHOPCOUNT, "IPV6_MINHOPCOUNT", least));
  return set_option(fd, SOL_IP, IP_MINTTL, "IP_MINTTL", least);  // a v6 socket may take v4, too
}

int take_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

bool is_transparent(int fd, IpFamily family) {
  int value = 0;
  socklen_t length = sizeof value;
  const bool v4 = family == IpFamily::v4;
  return getsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &value,
                    &length) == 0 &&
         value == 1;
}

}  // namespace weir
