// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/application.hpp"

#include <utility>

#include "common/log.hpp"
#include "proxy/server/application_reader.hpp"

namespace weir::server {
namespace {

constexpr std::chrono::milliseconds kLook{500};
/// Before it was ever seen: one that lives for a moment only must be seen all the same.
constexpr std::chrono::milliseconds kFirstLook{20};

/// Only what differs from what was said last.
template <class T>
void say(std::string& said, const Result<T>& outcome, std::string_view consequence) {
  std::string problem = outcome ? std::string() : outcome.error().message;
  if (problem == said) return;
  said = std::move(problem);
  if (said.empty())
    log::info(log::Component::main, "the application can be looked at again");
  else
    log::warning(log::Component::main, "the application cannot be looked at: {}; {}", said,
                 consequence);
}

}  // namespace

Application::Application(asio::io_context& io)
    : watch_(own_process()), shares_processes_(may_share_processes()), timer_(io) {}

void Application::check() {
  if (!shares_processes_) static_cast<void>(socket_in_use());
}

bool Application::runs() {
  const auto process = find_running();
  if (!process) return true;
  if (*process) watch_.see(**process);
  if (*process || watch_.has_seen()) return process->has_value();
  const auto socket = socket_in_use();
  return socket && *socket;
}

void Application::watch(std::function<void()> on_ended) {
  on_ended_ = std::move(on_ended);
  if (shares_processes_) look_later();
}

Result<std::optional<pid_t>> Application::find_running() {
  if (!shares_processes_) return std::optional<pid_t>();
  auto found =
      find_process([this](const ProcessView& process) { return watch_.owns(process); }, last_seen_);
  say(process_problem_, found, "until that is over it counts as running");
  if (found && *found) last_seen_ = **found;
  return found;
}

Result<bool> Application::socket_in_use() {
  auto found = has_tcp_socket([this](const SocketView& socket) { return watch_.owns(socket); });
  say(socket_problem_, found,
      "after SIGTERM it is not waited for when no connection is open; shareProcessNamespace: true "
      "shows its processes");
  return found;
}

void Application::look_later() {
  timer_.expires_after(watch_.has_seen() ? kLook : kFirstLook);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) look();
  });
}

void Application::look() {
  const auto process = find_running();
  if (process && watch_.has_ended(*process, ApplicationWatch::Clock::now())) return on_ended_();
  look_later();
}

}  // namespace weir::server
