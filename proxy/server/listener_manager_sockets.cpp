// SPDX-License-Identifier: Apache-2.0
// ListenerManager's sockets: where those of a listener come from, and where they go.
#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <asio/post.hpp>

#include "proxy/server/listener_manager.hpp"

namespace weir::server {

/// What can fail comes first: sockets are only taken from others once nothing else can.
Result<void> ListenerManager::get_sockets(Active& fresh, Change& change) {
  const config::ListenerConfig& config = *fresh.shared->config;
  if (!config.bind_to_port) return {};
  struct Inherited {
    std::size_t place;
    Owned from;
  };
  std::vector<Inherited> inherited;
  for (const auto& address : config.addresses) {
    if (const auto owned = find_owner(address, fresh, change)) {
      inherited.push_back({fresh.bound.size(), *owned});
      fresh.bound.push_back(
          {.configured = address, .address = owned->bound->address, .sockets = {}});
      continue;
    }
    if (auto taken = take_back(config, address)) {
      fresh.bound.push_back(*std::move(taken));
      continue;
    }
    if (auto taken = take_inherited(config, address)) {
      fresh.bound.push_back(*std::move(taken));
      continue;
    }
    TRY(auto bound, bind_address(config, address, setup_.concurrency));
    if (started_) TRY_VOID(listen_on(config, bound));
    fresh.bound.push_back(std::move(bound));
  }
  for (auto& [place, from] : inherited) {
    fresh.bound[place].sockets = std::move(from.bound->sockets);
    fresh.bound[place].inherited = from.bound->inherited;
    fresh.bound[place].was_closing = from.bound->was_closing;
    fresh.bound[place].workers_have_them = from.bound->workers_have_them;
    change.moves.push_back({from.listener, from.bound->address, fresh.id});
  }
  return {};
}

std::optional<ListenerManager::Owned> ListenerManager::find_owner(
    const config::ListenerAddressConfig& address, const Active& fresh, Change& change) {
  const auto look = [&](auto& listeners) -> std::optional<Owned> {
    for (auto& [name, owner] : listeners) {
      if (owner.id != fresh.id && address.address.endpoint.port == 0) continue;
      for (BoundAddress& bound : owner.bound)
        if (bound.configured == address &&
            same_socket_settings(*owner.shared->config, *fresh.shared->config))
          return Owned{owner.id, &bound};
    }
    return std::nullopt;
  };
  if (auto found = look(active_)) return found;
  return look(change.before);  // its owner has just got a version without the address
}

/// A listener that is about to be refused for another reason loses nothing: the sockets were on
/// their way out.
std::optional<BoundAddress> ListenerManager::take_back(
    const config::ListenerConfig& config, const config::ListenerAddressConfig& address) {
  const auto found = std::find_if(leaving_.begin(), leaving_.end(), [&](const auto& leaving) {
    return leaving.bound.configured == address && address.address.endpoint.port != 0 &&
           same_socket_settings(*leaving.listener, config);
  });
  if (found == leaving_.end()) return std::nullopt;
  BoundAddress bound = std::move(found->bound);
  leaving_.erase(found);
  bound.workers_have_them = false;
  bound.was_closing = true;
  bound.inherited = false;
  return bound;
}

void ListenerManager::inherit(std::vector<TakenSocket> sockets) {
  std::unordered_set<ino_t> known;
  for (TakenSocket& socket : sockets) {
    struct stat file {};
    // The same one may come several times: workers shared it.
    if (socket.line.role == SocketRole::listener && fstat(socket.fd.get(), &file) == 0 &&
        is_bound_to(socket.fd.get(), socket.line.address) && known.insert(file.st_ino).second)
      inheritance_.push_back(std::move(socket));
  }
}

std::optional<BoundAddress> ListenerManager::take_inherited(
    const config::ListenerConfig& config, const config::ListenerAddressConfig& address) {
  BoundAddress bound{.configured = address, .address = address.address, .sockets = {}};
  const std::uint64_t settings = socket_settings(config, address);
  std::erase_if(inheritance_, [&](TakenSocket& socket) {
    if (socket.line.address != address.address.endpoint || socket.line.settings != settings)
      return false;
    bound.sockets.push_back(std::move(socket.fd));
    return true;
  });
  if (bound.sockets.empty()) return std::nullopt;
  bound.inherited = true;
  add_sockets_for(bound, config, setup_.concurrency);
  return bound;
}

std::vector<ListenAddress> ListenerManager::inherited() const {
  std::vector<ListenAddress> addresses;
  for (const auto& [name, active] : active_)
    for (const BoundAddress& bound : active.bound)
      if (bound.inherited) addresses.push_back(bound.address);
  return addresses;
}

Result<std::vector<TakenSocket>> ListenerManager::duplicate_sockets() const {
  std::vector<TakenSocket> all;
  const auto add = [&all](const config::ListenerConfig& listener,
                          const BoundAddress& bound) -> Result<void> {
    const SocketLine line{SocketRole::listener, bound.address.endpoint,
                          socket_settings(listener, bound.configured)};
    TRY(auto sockets, bound.sockets_of(0, 1));
    for (UniqueFd& socket : sockets) all.push_back({line, std::move(socket)});
    return {};
  };
  for (const auto& [name, active] : active_)
    for (const BoundAddress& bound : active.bound) TRY_VOID(add(*active.shared->config, bound));
  for (const LeavingSockets& leaving : leaving_) TRY_VOID(add(*leaving.listener, leaving.bound));
  return all;
}

void ListenerManager::hand_over(const std::vector<ListenAddress>& kept,
                                const std::function<void()>& done) {
  auto addresses = std::make_shared<WorkerListeners::Addresses>();
  for (const ListenAddress& address : kept) addresses->insert(address.endpoint);
  leaving_.remove_if([&](const LeavingSockets& leaving) {
    return addresses->contains(leaving.bound.address.endpoint);
  });
  Change change;
  for (auto& [name, active] : active_) {
    count_leaving(active, change);
    for (BoundAddress& bound : active.bound) {
      auto sockets = std::exchange(bound.sockets, {});
      if (addresses->contains(bound.address.endpoint) || sockets.empty()) continue;
      let_go_later(active.shared->config, {.configured = bound.configured,
                                           .address = bound.address,
                                           .sockets = std::move(sockets),
                                           .workers_have_them = true});
    }
  }
  const auto left = std::make_shared<std::size_t>(setup_.workers.size());
  for (const auto& worker : setup_.workers)
    worker->hand_over(addresses, change.drain_rounds, [&io = setup_.io, left, done] {
      asio::post(io, [left, done] {
        if (--*left == 0) done();
      });
    });
  for (auto& [time, drain] : change.drains) end_drain_later(time, std::move(drain));
}

/// The workers are to be the first: until they have closed theirs, nobody else could bind the
/// address.
void ListenerManager::let_go_later(std::shared_ptr<const config::ListenerConfig> listener,
                                   BoundAddress&& bound) {
  constexpr std::chrono::milliseconds kMargin{30};
  const auto leaving = leaving_.insert(
      leaving_.end(),
      LeavingSockets{asio::steady_timer(setup_.io, listener::Acceptor::kSettle + kMargin),
                     std::move(listener), std::move(bound)});
  leaving->timer.async_wait([this, leaving](const std::error_code& error) {
    if (!error) leaving_.erase(leaving);
  });
}

void ListenerManager::close_sockets(const WorkerListeners::Which& which, bool gently) {
  for (const auto& worker : setup_.workers)
    gently ? worker->close_listeners(which) : worker->stop_accepting(which);
  for (auto& [name, active] : active_) {
    if (!which(*active.shared->config)) continue;
    for (BoundAddress& bound : active.bound) {
      auto sockets = std::exchange(bound.sockets, {});
      if (!gently || sockets.empty()) continue;
      let_go_later(active.shared->config, {.configured = bound.configured,
                                           .address = bound.address,
                                           .sockets = std::move(sockets),
                                           .workers_have_them = true});
    }
  }
}

}  // namespace weir::server
