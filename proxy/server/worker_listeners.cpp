// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/worker_listeners.hpp"

#include <algorithm>
#include <cassert>
#include <unordered_set>
#include <utility>

#include "common/log.hpp"

namespace weir::server {
namespace {

using listener::ChainRun;
using listener::WorkerListener;

std::shared_ptr<ChainRun> find_chain(const WorkerListener& listener, std::uint64_t fingerprint) {
  const config::ListenerConfig& config = *listener.runtime.config;
  for (std::size_t i = 0; i < config.filter_chains.size(); ++i)
    if (config.filter_chains[i].fingerprint == fingerprint) return listener.chains[i];
  if (config.default_filter_chain && config.default_filter_chain->fingerprint == fingerprint)
    return listener.chains.back();
  return nullptr;
}

std::uint64_t fingerprint_at(const config::ListenerConfig& config, std::size_t place) {
  return place < config.filter_chains.size() ? config.filter_chains[place].fingerprint
                                             : config.default_filter_chain->fingerprint;
}

void take_chains_over(const WorkerListener& before, WorkerListener& fresh) {
  for (std::size_t i = 0; i < fresh.chains.size(); ++i) {
    if (fresh.chains[i] != nullptr) continue;
    fresh.chains[i] = find_chain(before, fingerprint_at(*fresh.runtime.config, i));
    assert(fresh.chains[i] != nullptr);
  }
}

}  // namespace

void WorkerListeners::apply(ListenerUpdate& update) {
  Leaving leaving;
  for (ListenerRef& fresh : update.fresh) replace(std::move(fresh), leaving);
  change_sockets(update);
  remove_others(update.order, leaving);
  std::vector<WorkerListener*> in_force;
  for (const ListenerId id : update.order) in_force.push_back(current_.at(id).get());
  intake_.install(std::move(in_force), update.handoff);
  for (auto& socket : update.sockets) {
    if (socket.was_closing)
      closing_.remove_if(
          [&socket](auto& acceptor) { return acceptor.address() == socket.address; });
    auto& acceptor = acceptors_.emplace_back(intake_, *current_.at(socket.listener),
                                             std::move(socket.fd), socket.address, limit_, ids_);
    if (socket.shared_with_worker) acceptor.share(false);
    if (socket.shared_with_process) acceptor.share(true);
    if (socket.was_closing) acceptor.go_on();
    if (auto started = acceptor.start(); !started)
      log::error(log::Component::listener, "listener '{}' {}: {}",
                 acceptor.listener().runtime.config->name, socket.address.to_string(),
                 started.error().message);
  }
  drain(leaving, update.drain_rounds);
}

void WorkerListeners::replace(ListenerRef fresh, Leaving& leaving) {
  ListenerRef& place = current_[fresh->runtime.index];
  if (place != nullptr) {
    take_chains_over(*place, *fresh);
    for (const auto& chain : place->chains)
      if (std::find(fresh->chains.begin(), fresh->chains.end(), chain) == fresh->chains.end())
        leaving.push_back({place->runtime.index, chain});
    for (listener::Acceptor& acceptor : acceptors_)
      if (&acceptor.listener() == place.get()) acceptor.set_listener(*fresh);
  }
  place = std::move(fresh);
}

void WorkerListeners::change_sockets(ListenerUpdate& update) {
  const auto visit = [this](const ListenerUpdate::Move& which, auto&& act) {
    for (listener::Acceptor& acceptor : acceptors_)
      if (acceptor.listener().runtime.index == which.from && acceptor.address() == which.address)
        act(acceptor);
  };
  // First who gets it now, then who keeps it: one listener may give and take.
  std::vector<std::pair<listener::Acceptor*, ListenerId>> moving;
  for (const auto& move : update.moves)
    visit(move, [&](auto& acceptor) { moving.emplace_back(&acceptor, move.to); });
  close_if([&update](const listener::Acceptor& acceptor) {
    return std::any_of(update.closed.begin(), update.closed.end(), [&](const auto& closed) {
      return acceptor.listener().runtime.index == closed.from &&
             acceptor.address() == closed.address;
    });
  });
  for (const auto& [acceptor, to] : moving) acceptor->set_listener(*current_.at(to));
}

template <class Predicate>
void WorkerListeners::close_if(Predicate&& leaves) {
  closing_.remove_if([](const auto& acceptor) { return acceptor.stopped(); });
  for (auto at = acceptors_.begin(); at != acceptors_.end();) {
    const auto acceptor = at++;
    if (!leaves(*acceptor)) continue;
    acceptor->close();
    closing_.splice(closing_.end(), acceptors_, acceptor);
  }
}

void WorkerListeners::remove_others(const std::vector<ListenerId>& wanted, Leaving& leaving) {
  const std::unordered_set<ListenerId> stays(wanted.begin(), wanted.end());
  close_if([&stays](const listener::Acceptor& acceptor) {
    return !stays.contains(acceptor.listener().runtime.index);
  });
  std::erase_if(current_, [&](const auto& entry) {
    if (stays.contains(entry.first)) return false;
    for (const auto& chain : entry.second->chains) leaving.push_back({entry.first, chain});
    return true;
  });
}

void WorkerListeners::drain(const Leaving& leaving, const DrainRounds& rounds) {
  std::unordered_set<std::uint64_t> begun;
  for (const auto& [listener, chain] : leaving) {
    const auto round = rounds.find(listener);
    if (chain->instance == nullptr || round == rounds.end()) continue;
    chain->instance->drain_round = round->second;
    draining_[round->second].push_back(chain);
    begun.insert(round->second);
  }
  if (begun.empty()) return;
  intake_.worker().connections.visit([&begun](tcp::Connection& connection) {
    if (begun.contains(connection.drain_round())) connection.drain(true);
  });
}

void WorkerListeners::end_drain(std::uint64_t round) {
  const auto ended = draining_.extract(round);
  if (ended.empty()) return;
  for (const auto& left : ended.mapped())
    if (const auto chain = left.lock())
      chain->instance->drain_round = filters::NetworkFilterInstance::kDrainIsOver;
}

void WorkerListeners::stop_accepting(const Which& which) {
  acceptors_.remove_if(
      [&which](const auto& acceptor) { return which(*acceptor.listener().runtime.config); });
}

void WorkerListeners::close(const Which& which) {
  close_if([&which](const auto& acceptor) { return which(*acceptor.listener().runtime.config); });
}

void WorkerListeners::hand_over(const Addresses& kept, const DrainRounds& rounds) {
  const auto is_kept = [&kept](const listener::Acceptor& acceptor) {
    return kept.contains(acceptor.address().endpoint);
  };
  acceptors_.remove_if(is_kept);
  closing_.remove_if(is_kept);
  close_if([](const auto&) { return true; });
  Leaving leaving;
  for (const auto& [id, current] : current_)
    for (const auto& chain : current->chains) leaving.push_back({id, chain});
  drain(leaving, rounds);
}

void WorkerListeners::pause() {
  for (listener::Acceptor& acceptor : acceptors_) acceptor.pause();
}

void WorkerListeners::accept_waiting() {
  for (listener::Acceptor& acceptor : acceptors_) acceptor.accept_waiting();
  for (listener::Acceptor& acceptor : closing_) acceptor.accept_waiting();
}

void WorkerListeners::go_on() {
  for (listener::Acceptor& acceptor : acceptors_) acceptor.go_on();
}

void WorkerListeners::alone() {
  for (listener::Acceptor& acceptor : acceptors_) acceptor.alone();
}

void WorkerListeners::stop() {
  acceptors_.clear();
  closing_.clear();
  intake_.install({}, std::make_shared<listener::HandoffTable>());
  current_.clear();
}

}  // namespace weir::server
