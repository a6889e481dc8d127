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

/// The local end of a socket that is to be connected.
struct Source {
  Endpoint address;
  bool freebind = false;
  bool transparent = false;  // an address of somebody else
  std::uint32_t mark = 0;    // 0 = none
};

Result<void> set_source_options(int fd, const Source& source) {
  const IpFamily family = source.address.address.family();
  if (source.freebind) TRY_VOID(set_freebind(fd, family, true));
  if (source.transparent) TRY_VOID(set_transparent(fd, family, true));
  if (source.mark != 0) TRY_VOID(set_mark(fd, source.mark));
  // Without it bind(2) reserves a port for every destination at once: 28k connections from
  // 127.0.0.6 in all, TIME_WAIT included, instead of 28k to each application port.
  if (source.address.port == 0) return set_bind_address_no_port(fd, true);
  // One client's port is the source of connections to several destinations.
  return source.transparent ? set_reuse_address(fd, true) : Result<void>{};
}

std::optional<ConnectFailure> bind_source(int fd, const Source& source) {
  if (auto set = set_source_options(fd, source); !set)
    return ConnectFailure{set.error().with_context("source '" + source.address.to_string() + "'"),
                          true};
  const SocketAddress address(source.address);
  if (bind(fd, &address.generic, address.length) != 0)
    return failure("bind", source.address, errno, true);
  return std::nullopt;
}

ConnectAttempt connect_from(const UpstreamAddress& upstream, const std::optional<Source>& source) {
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
  if (source) attempt.failure = bind_source(attempt.socket.get(), *source);
  if (attempt.failure) return attempt;
  if (connect(attempt.socket.get(), &address.generic, address.length) != 0 && errno != EINPROGRESS)
    attempt.failure = failure("connect", upstream.endpoint, errno, errno == EADDRNOTAVAIL);
  return attempt;
}

bool is_port_taken(const ConnectAttempt& attempt) {
  if (!attempt.failure || !attempt.failure->bind_failed) return false;
  const int code = attempt.failure->error.code;
  return code == EADDRINUSE || code == EADDRNOTAVAIL;
}

ConnectAttempt connect_from_client(const UpstreamAddress& upstream, const ClientSource& client) {
  auto address = source_for(client, upstream);
  if (!address) return {{}, ConnectFailure{std::move(address.error()), true}};
  Source source{*address, false, true, client.keeping.mark};
  auto attempt = connect_from(upstream, source);
  // Somebody here listens on that port of every address, or its last connection is in TIME_WAIT.
  if (!client.keeping.bind_port && source.address.port != 0 && is_port_taken(attempt)) {
    source.address.port = 0;
    attempt = connect_from(upstream, source);
  }
  return attempt;
}

}  // namespace

ConnectAttempt begin_connect(const UpstreamAddress& upstream, const ConnectOptions& options) {
  if (options.client) return connect_from_client(upstream, *options.client);
  if (!options.bind_source) return connect_from(upstream, std::nullopt);
  return connect_from(upstream, Source{*options.bind_source, options.freebind, false, 0});
}

}  // namespace weir::upstream
