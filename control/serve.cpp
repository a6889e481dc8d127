// SPDX-License-Identifier: Apache-2.0
#include "control/serve.hpp"

#include <chrono>
#include <csignal>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "common/log.hpp"
#include "control/admin.hpp"
#include "control/directory.hpp"
#include "control/directory_watch.hpp"
#include "control/grpc_server.hpp"
#include "control/hub.hpp"
#include "control/webhook.hpp"

namespace weir::control {
namespace {

using log::Component;

class ControlPlane {
 public:
  explicit ControlPlane(const Options& options)
      : options_(options),
        directory_(options.directory),
        signals_(io_, SIGINT, SIGTERM),
        leave_(io_) {}

  Result<void> start() {
    if (options_.webhook) {
      TRY(webhook_, Webhook::start(io_, *options_.webhook));
      log::info(Component::main, "webhook at {}",
                Endpoint{options_.webhook->address.address, webhook_->port()}.to_string());
    }
    TRY(admin_, AdminPort::start(io_, options_.admin, [this] { return status(); }));
    const std::string admin = Endpoint{options_.admin.address, admin_->port()}.to_string();
    if (options_.directory.empty()) {
      log::info(Component::main, "serving no directory, admin at {}", admin);
    } else {
      TRY_VOID(start_serving());
      log::info(Component::main, "serving '{}' at {} (port {}), admin at {}", options_.directory,
                options_.listen, server_->port(), admin);
    }
    signals_.async_wait([this](std::error_code, int) { leave(); });
    return {};
  }

  void run() { io_.run(); }

 private:
  Result<void> start_serving() {
    TRY(Directory::Reading first, directory_.read());
    take(std::move(first));
    TRY(watch_, DirectoryWatch::start(io_, options_.directory,
                                      [this](const auto& being_written) { look(being_written); }));
    TRY(server_, GrpcServer::start(io_, options_.listen, events()));
    return {};
  }

  /// Everything goes on for a while, then reviews that have begun are answered. A second signal
  /// ends at once.
  void leave() {
    signals_.async_wait([this](std::error_code, int) { io_.stop(); });
    if (webhook_ != nullptr) webhook_->begin_to_leave();
    leave_.expires_after(std::chrono::seconds(options_.drain_s));
    leave_.async_wait([this](std::error_code) {
      if (webhook_ == nullptr) return io_.stop();
      webhook_->finish([this] { io_.stop(); });
    });
  }

  std::string status() const {
    std::string out = server_ == nullptr ? "" : render_status(hub_.nodes());
    if (webhook_ != nullptr) out += webhook_->status();
    return out;
  }

  CallEvents events() {
    return {.opened = [this](std::uint64_t call, const std::string& path,
                             const std::string& peer) { return open(call, path, peer); },
            .received = [this](std::uint64_t call,
                               const std::string& message) { receive(call, message); },
            .closed =
                [this](std::uint64_t call) {
                  hub_.close(call);
                  fetches_.erase(call);
                }};
  }

  bool open(std::uint64_t call, const std::string& path, const std::string& peer) {
    const auto method = method_from_path(path);
    if (!method) return false;
    if (method->form == Form::fetch) fetches_.insert(call);
    hub_.open(call, *method, peer);
    return true;
  }

  void receive(std::uint64_t call, const std::string& message) {
    Result<Messages> answer = hub_.receive(call, message);
    if (!answer) return server_->finish(call, CallStatus::invalid_argument, answer.error().message);
    for (std::string& one : *answer) server_->send(call, std::move(one));
    if (fetches_.contains(call)) server_->finish(call, CallStatus::ok, "");
  }

  void look(const std::set<std::string>& being_written) {
    auto reading = directory_.read(being_written);
    if (reading) {
      last_problem_.clear();
      return take(*std::move(reading));
    }
    if (reading.error().message != last_problem_)
      log::error(Component::config, "{}; what was read before is served", reading.error().message);
    last_problem_ = reading.error().message;
  }

  void take(Directory::Reading reading) {
    log_diagnostics(reading.diagnostics);
    if (reading.diagnostics.has_errors())
      log::error(Component::config, "the last good content of each file is served");
    if (reading.registry == nullptr) return;
    const Registry& registry = *reading.registry;
    log::info(Component::config,
              "read {} services, {} virtual services, {} destination rules, {} resources",
              registry.services.size(), registry.virtual_services.size(),
              registry.destination_rules.size(), registry.resources.size());
    for (Hub::Outgoing& outgoing : hub_.update(std::move(reading.registry)))
      for (std::string& message : outgoing.messages)
        server_->send(outgoing.stream, std::move(message));
  }

  const Options options_;
  asio::io_context io_;
  Directory directory_;
  asio::signal_set signals_;
  asio::steady_timer leave_;
  Hub hub_;
  std::set<std::uint64_t> fetches_;
  std::string last_problem_;
  std::unique_ptr<DirectoryWatch> watch_;
  std::unique_ptr<AdminPort> admin_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<Webhook> webhook_;
};

}  // namespace

void log_diagnostics(const config::Diagnostics& diagnostics) {
  for (const auto& one : diagnostics.all())
    log::write(Component::config,
               one.severity == config::Severity::error ? log::Level::error : log::Level::warning,
               "{}", one.to_string());
}

Result<void> serve(const Options& options) {
  // Never destroyed: gRPC's threads end with the process, and clients see their connections end.
  auto* plane = new ControlPlane(options);
  TRY_VOID(plane->start());
  plane->run();
  log::info(Component::main, "ends");
  return {};
}

}  // namespace weir::control
