// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/listening_sockets.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"
#include "proxy/filters/filter.hpp"
#include "proxy/tcp/keep_alive.hpp"

namespace weir::server {
namespace {

using State = config::SocketOptionConfig::State;

Result<void> apply_options(int fd, const config::ListenerConfig& listener, State state) {
  for (const auto& option : listener.socket_options)
    if (option.state == state)
      TRY_VOID(set_raw_option(fd, option.level, option.name, option.value));
  return {};
}

// What accepted sockets inherit, so that no connection pays for it.
Result<void> prepare(int fd, const config::ListenerConfig& listener,
                     const config::ListenerAddressConfig& address, bool shared) {
  const IpFamily family = address.address.endpoint.address.family();
  TRY_VOID(set_reuse_address(fd, true));
  if (shared) TRY_VOID(set_reuse_port(fd, true));
  if (family == IpFamily::v6) TRY_VOID(set_v6_only(fd, !address.ipv4_compat));
  TRY_VOID(set_no_delay(fd, true));
  TRY_VOID(set_keep_alive(fd, tcp::kKeepAlive));
  TRY_VOID(set_user_timeout(fd, tcp::kUserTimeout));
  if (listener.freebind) TRY_VOID(set_freebind(fd, family, true));
  if (listener.transparent) TRY_VOID(set_transparent(fd, family, true));
  if (listener.transparent && address.ipv4_compat)
    TRY_VOID(set_transparent(fd, IpFamily::v4, true));
  return apply_options(fd, listener, State::pre_bind);
}

std::string remedy(int error) {
  if (error == EADDRINUSE)
    return "; another process, or another listener, has this port (--take-over takes it from a "
           "weir-proxy of the same user and admin port)";
  if (error == EADDRNOTAVAIL)
    return "; no interface has this address (freebind: true binds it all the same)";
  if (error == EACCES) return "; ports below 1024 need CAP_NET_BIND_SERVICE";
  if (error == EPERM)
    return "; a transparent listener needs CAP_NET_ADMIN or CAP_NET_RAW: grant one, or set "
           "transparent: false";
  if (error == EAFNOSUPPORT) return "; this kernel has no IPv6";
  return "";
}

Result<UniqueFd> bind_one(const config::ListenerConfig& listener,
                          const config::ListenerAddressConfig& address, const Endpoint& endpoint,
                          bool shared) {
  const SocketAddress kernel_address(endpoint);
  UniqueFd fd(
      socket(kernel_address.generic.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Error{std::string("socket: ") + std::strerror(errno) + remedy(errno), errno};
  if (auto prepared = prepare(fd.get(), listener, address, shared); !prepared) {
    prepared.error().message += remedy(prepared.error().code);
    return std::move(prepared.error());
  }
  if (bind(fd.get(), &kernel_address.generic, kernel_address.length) != 0)
    return Error{std::string("bind: ") + std::strerror(errno) + remedy(errno), errno};
  TRY_VOID(apply_options(fd.get(), listener, State::bound));
  return fd;
}

Error at_listener(const Error& error, const config::ListenerConfig& listener,
                  const Endpoint& endpoint) {
  return error.with_context("listener '" + listener.name + "' " + endpoint.to_string());
}

}  // namespace

Result<std::vector<UniqueFd>> BoundAddress::sockets_of(std::size_t worker,
                                                       std::size_t workers) const {
  std::vector<UniqueFd> duplicates;
  const auto add = [&](const UniqueFd& socket) -> Result<void> {
    UniqueFd made = duplicate(socket.get());
    if (!made) return Error{std::string("dup: ") + std::strerror(errno), errno};
    duplicates.push_back(std::move(made));
    return {};
  };
  if (worker >= sockets.size()) {
    if (!sockets.empty()) TRY_VOID(add(sockets[worker % sockets.size()]));
    return duplicates;
  }
  for (std::size_t i = worker; i < sockets.size(); i += workers) TRY_VOID(add(sockets[i]));
  return duplicates;
}

Result<void> check_listener_filters(const config::ListenerConfig& listener) {
  for (const auto& entry : listener.listener_filters) {
    const auto* filter = dynamic_cast<const filters::ListenerFilter*>(entry.filter.get());
    if (filter == nullptr) continue;
    if (auto checked = filter->check_privileges(); !checked)
      return checked.error()
          .with_context("filter '" + std::string(filter->name()) + "'")
          .with_context("listener '" + listener.name + "'");
  }
  return {};
}

Result<BoundAddress> bind_address(const config::ListenerConfig& listener,
                                  const config::ListenerAddressConfig& address, unsigned workers) {
  BoundAddress bound{.configured = address, .address = address.address, .sockets = {}};
  for (unsigned worker = 0; worker < workers; ++worker) {
    auto fd = bind_one(listener, address, bound.address.endpoint, workers > 1);
    if (!fd) return at_listener(fd.error(), listener, bound.address.endpoint);
    // The kernel chose the port for the first socket; the others must have the same.
    if (bound.address.endpoint.port == 0) {
      if (const auto local = local_endpoint(fd->get())) bound.address.endpoint.port = local->port;
    }
    bound.sockets.push_back(*std::move(fd));
  }
  return bound;
}

void add_sockets_for(BoundAddress& bound, const config::ListenerConfig& listener,
                     unsigned workers) {
  int shared = 0;
  socklen_t size = sizeof shared;
  if (bound.sockets.empty() ||
      getsockopt(bound.sockets[0].get(), SOL_SOCKET, SO_REUSEPORT, &shared, &size) != 0 ||
      shared == 0)
    return;
  while (bound.sockets.size() < workers) {
    auto fd = bind_one(listener, bound.configured, bound.address.endpoint, true);
    if (!fd) return;  // some workers share one, then
    bound.sockets.push_back(*std::move(fd));
  }
}

std::uint64_t socket_settings(const config::ListenerConfig& listener,
                              const config::ListenerAddressConfig& address) {
  std::string text;
  for (const bool flag : {listener.transparent, listener.freebind, address.ipv4_compat})
    text += flag ? '1' : '0';
  for (const auto& option : listener.socket_options)
    text += ' ' + std::to_string(static_cast<int>(option.state)) + ',' +
            std::to_string(option.level) + ',' + std::to_string(option.name) + ',' +
            std::to_string(option.value.size()) + ',' + option.value;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Result<void> listen_on(const config::ListenerConfig& listener, const BoundAddress& bound) {
  for (const UniqueFd& fd : bound.sockets) {
    if (listen(fd.get(), static_cast<int>(listener.tcp_backlog.value_or(SOMAXCONN))) != 0)
      return at_listener(
          Error{std::string("listen: ") + std::strerror(errno) + remedy(errno), errno}, listener,
          bound.address.endpoint);
    auto set = apply_options(fd.get(), listener, State::listening);
    if (!set) return at_listener(set.error(), listener, bound.address.endpoint);
  }
  return {};
}

bool same_socket_settings(const config::ListenerConfig& a, const config::ListenerConfig& b) {
  return a.transparent == b.transparent && a.freebind == b.freebind &&
         a.tcp_backlog == b.tcp_backlog && a.socket_options == b.socket_options;
}

}  // namespace weir::server
