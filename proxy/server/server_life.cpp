// SPDX-License-Identifier: Apache-2.0
// The beginning and the end of a Server: where its sockets come from, signals, the end of the
// application, the next one that takes over.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

#include "common/log.hpp"
#include "proxy/server/server.hpp"

namespace weir::server {
namespace {

/// Longer than sockets take that nobody has taken over.
constexpr std::chrono::milliseconds kEmptyCheck{250};
constexpr std::chrono::milliseconds kBindAgain{20};
constexpr int kBindTries = 25;

bool is_out_of_reach(int error) {
  return error == EPERM || error == EACCES || error == EAFNOSUPPORT || error == EAGAIN;
}

}  // namespace

std::uint16_t Server::admin_port() const {
  return snapshot_->admin.address ? snapshot_->admin.address->endpoint.port : 0;
}

/// Who was to give its sockets and is just being killed has its ports for a moment longer; and
/// another one may start at the same time, and be the first.
Result<void> Server::get_sockets() {
  if (!options_.take_over) return bind();
  for (int tries = 0;; ++tries) {
    if (!taken_) TRY_VOID(take_over());
    if (!taken_ && tries == 0)
      log::info(log::Component::main, "nobody runs to take over from: starting as always");
    auto bound = bind();
    if (bound || bound.error().code != EADDRINUSE || tries == kBindTries) return bound;
    std::this_thread::sleep_for(kBindAgain);
  }
}

Result<void> Server::bind() {
  auto rejections = listeners_.update(snapshot_->listeners);
  if (!rejections.empty()) return std::move(rejections.front().error);
  return start_admin();
}

Result<void> Server::start_admin() {
  if (!snapshot_->admin.address) return {};
  admin_ = std::make_unique<admin::AdminServer>(io_, *this);
  if (taken_) taken_admin_ = taken_->take(SocketRole::admin, snapshot_->admin.address->endpoint);
  if (taken_admin_) return {};  // until this one serves, the one before answers
  auto listening = admin_->listen(*snapshot_->admin.address);
  if (!listening && listening.error().code == EADDRINUSE)
    listening.error().message +=
        "; another process has this port (--take-over takes it from a weir-proxy of the same user "
        "and admin port)";
  return listening;
}

Result<void> Server::take_over() {
  auto taken = server::take_over(admin_port());
  // The name is free to all: nobody else's process must keep this one from starting.
  if (!taken && !is_out_of_reach(taken.error().code)) return std::move(taken.error());
  if (!taken) {
    log::warning(log::Component::main, "{}", taken.error().message);
    return {};
  }
  taken_ = *std::move(taken);
  if (!taken_) return {};
  take_over_.follow(std::move(taken_->connection));
  log::info(log::Component::main, "taking over: {} sockets", taken_->sockets.size());
  std::vector<TakenSocket> listening;
  for (TakenSocket& socket : taken_->sockets)
    if (socket.line.role == SocketRole::listener) listening.push_back(std::move(socket));
  listeners_.inherit(std::move(listening));
  return {};
}

void Server::serve_take_over() {
  if (taken_admin_) {
    auto adopted = admin_->adopt(std::move(taken_admin_));
    if (!adopted) log::error(log::Component::admin, "{}", adopted.error().message);
  }
  UniqueFd offer = taken_ ? taken_->take(SocketRole::offer) : UniqueFd();
  taken_.reset();
  take_over_.serve(admin_port(), std::move(offer), listeners_.inherited());
}

Result<std::vector<TakenSocket>> Server::duplicate_sockets() {
  TRY(auto sockets, listeners_.duplicate_sockets());
  if (admin_)
    if (UniqueFd admin = admin_->duplicate())
      sockets.push_back({{SocketRole::admin, admin_->address().endpoint, 0}, std::move(admin)});
  return sockets;
}

void Server::hand_over(const std::vector<ListenAddress>& kept, const std::function<void()>& done) {
  log::info(log::Component::main,
            "another weir-proxy has taken over and serves; {} connections are served to their end",
            open_connections());
  draining_ = true;
  if (admin_) admin_->leave_to_other();
  listeners_.hand_over(kept, [this, done] {
    done();
    go_when_empty();
  });
}

/// The old one has given its sockets to another one. Those who were accepted in spite of that are
/// served to their end.
void Server::give_way(const std::string& reason) {
  if (workers_started_) return hand_over(listeners_.inherited(), [] {});
  start_error_ = Error{"take-over: " + reason};
  quit();
}

/// What has no end of its own gets one with its listener's drain.
void Server::go_when_empty() {
  empty_timer_.expires_after(kEmptyCheck);
  empty_timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    if (open_connections() > 0) return go_when_empty();
    log::info(log::Component::main, "all connections have ended");
    quit();
  });
}

void Server::wait_for_signal() {
  signals_.async_wait([this](const asio::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGUSR1) {
      reopen_logs();
    } else if (signal == SIGTERM && !shutdown_.has_begun()) {
      begin_shutdown("SIGTERM", termination_left());
    } else {
      log::info(log::Component::main, "ending at once: {}",
                signal == SIGINT ? "SIGINT" : "second SIGTERM");
      quit();
    }
    wait_for_signal();
  });
}

/// Who failed health checks since some time has told clients so long.
std::chrono::milliseconds Server::termination_left() const {
  const auto whole = options_.termination_drain;
  if (!health_check_failed_since_) return whole;
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - *health_check_failed_since_);
  return std::max(whole - passed, std::chrono::milliseconds{0});
}

void Server::set_health_check_failed(bool failed) {
  if (!failed)
    health_check_failed_since_.reset();
  else if (!health_check_failed_since_)
    health_check_failed_since_ = std::chrono::steady_clock::now();
  health_check_failed_ = failed;
}

void Server::begin_shutdown(std::string_view why, std::chrono::milliseconds termination) {
  log::info(log::Component::main, "{}: draining for at most {} s; {} connections open", why,
            options_.shutdown_drain_time.count(), open_connections());
  draining_ = true;
  if (!workers_started_) return quit();
  for (auto& worker : workers_) worker->drain_connections([](auto) { return true; });
  shutdown_.begin(termination, options_.shutdown_drain_time);
}

void Server::follow_application() {
  application_.check();
  shutdown_.set_application([this] { return application_.runs(); });
  if (!options_.exit_after_application) return;
  application_.watch([this] {
    if (!shutdown_.has_begun()) begin_shutdown("the application has ended", {});
  });
}

void Server::drain_listeners(const admin::DrainRequest& request) {
  std::int64_t stopped = 0;
  for (const auto& listener : listeners_.in_force())
    if (!request.inbound_only || listener->direction == config::TrafficDirection::inbound)
      ++stopped;
  auto& manager = stats_.listener_manager();
  manager.total_listeners_draining.set(stopped);
  manager.listener_stopped.add(static_cast<std::uint64_t>(stopped));
  const auto concerned = [only = request.inbound_only](config::TrafficDirection direction) {
    return !only || direction == config::TrafficDirection::inbound;
  };
  listeners_.close_sockets(
      [concerned](const config::ListenerConfig& listener) { return concerned(listener.direction); },
      request.graceful);
  for (auto& worker : workers_)
    // Not graceful means that what runs is cut as well; graceful leaves it to its own end.
    if (request.graceful)
      worker->drain_connections(concerned);
    else
      worker->end_connections(tcp::EndReason::drained, concerned);
}

}  // namespace weir::server
