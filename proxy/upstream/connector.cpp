// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/connector.hpp"

#include <cerrno>
#include <cstring>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"

namespace weir::upstream {
namespace {

ConnectFailure failure(std::string_view what, const Endpoint& endpoint, int code,
                       bool bind_failed) {
  return {
      Error{std::string(what) + " '" + endpoint.to_string() + "': " + std::strerror(code), code},
      bind_failed};
}

std::optional<ConnectFailure> bind_source(int fd, const ConnectOptions& options) {
  const Endpoint& source = *options.bind_source;
  if (options.freebind) {
    if (auto set = set_freebind(fd, source.address.family(), true); !set)
      return ConnectFailure{std::move(set.error()), true};
  }
  // Without it bind(2) reserves a port for every destination at once: 28k connections from
  // 127.0.0.6 in all, TIME_WAIT included, instead of 28k to each application port.
  if (source.port == 0) {
    if (auto set = set_bind_address_no_port(fd, true); !set)
      return ConnectFailure{std::move(set.error()), true};
  }
  const SocketAddress address(source);
  if (bind(fd, &address.generic, address.length) != 0) return failure("bind", source, errno, true);
  return std::nullopt;
}

}  // namespace

ConnectAttempt begin_connect(const UpstreamAddress& upstream, const ConnectOptions& options) {
  const SocketAddress address(upstream.endpoint);
  ConnectAttempt attempt;
  attempt.socket.reset(
      socket(address.generic.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!attempt.socket) {
    attempt.failure = failure("socket for", upstream.endpoint, errno, false);
    return attempt;
  }
  // Saves a packet each way where the client speaks first; the caller undoes it where it does not.
  static_cast<void>(set_quick_ack(attempt.socket.get(), false));
  if (options.bind_source) attempt.failure = bind_source(attempt.socket.get(), options);
  if (attempt.failure) return attempt;
  if (connect(attempt.socket.get(), &address.generic, address.length) != 0 && errno != EINPROGRESS)
    attempt.failure = failure("connect", upstream.endpoint, errno, errno == EADDRNOTAVAIL);
  return attempt;
}

}  // namespace weir::upstream
