// SPDX-License-Identifier: Apache-2.0
// What a Stream does for its filters: routes, calls, bodies, notes.
#include "proxy/filters/network/http_connection_manager/filter_call.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {

using http::HeaderId;

const route::Route* Stream::route() {
  if (!route_known_) find_route();
  return route_;
}

const route::VirtualHost* Stream::virtual_host() {
  if (!route_known_) find_route();
  return virtual_host_;
}

namespace {

const config::RouteFilterConfig* config_in(const route::RouteFilters& configs,
                                           std::string_view filter) {
  for (const route::RouteFilter& config : configs)
    if (config.filter == filter) return config.config.get();
  return nullptr;
}

}  // namespace

void Stream::route_configs(std::string_view filter,
                           std::vector<const config::RouteFilterConfig*>& out) {
  const auto add = [&](const route::RouteFilters& configs) {
    if (const auto* const found = config_in(configs, filter)) out.push_back(found);
  };
  if (route() == nullptr) return;
  add(routes_.config().filters);
  add(virtual_host_->filters);
  add(route_->filters);
  if (weighted_ != nullptr) add(weighted_->filters);
}

const config::RouteFilterConfig* Stream::route_config(std::string_view filter) {
  if (route() == nullptr) return nullptr;
  const route::RouteFilters* const levels[] = {weighted_ != nullptr ? &weighted_->filters : nullptr,
                                               &route_->filters, &virtual_host_->filters,
                                               &routes_.config().filters};
  for (const route::RouteFilters* level : levels)
    if (level != nullptr)
      if (const auto* const found = config_in(*level, filter)) return found;
  return nullptr;
}

void Stream::resume_request(HttpFilter& filter) {
  guarded([&] {
    if (over_) return;
    request_walk_.resume(filter);
    if (!over_) router_.flush();
    if (!over_ && request_complete_) router_.on_request_complete();
  });
}

void Stream::resume_response(HttpFilter& filter) {
  guarded([&] {
    if (over_) return;
    response_walk_.resume(filter);
    if (!over_ && connection_ != nullptr) connection_->flush();
  });
}

bool Stream::await_request_body(HttpFilter& filter) {
  bool waits = false;
  guarded([&] {
    waits = !over_ && request_walk_.await_body(filter);
    if (!waits || over_) return;
    router_.flush();
    if (!over_ && request_complete_) router_.on_request_complete();
  });
  return waits;
}

bool Stream::await_response_body(HttpFilter& filter) {
  bool waits = false;
  guarded([&] {
    waits = !over_ && response_walk_.await_body(filter);
    if (waits && !over_ && connection_ != nullptr) connection_->flush();
  });
  return waits;
}

void Stream::reset(std::string_view details) {
  guarded([&] {
    if (over_) return;
    details_ = arena_.copy(details);
    hcm_.stats->downstream_rq_tx_reset.add();
    router_.cancel();
    if (connection_ != nullptr) connection_->reset(false);
    end(false);
  });
}

bool Stream::has_cluster(std::string_view name) { return hcm_.find_pool(name) != nullptr; }

std::optional<ClusterHealth> Stream::cluster_health(std::string_view name) {
  const upstream::WorkerCluster* const cluster = hcm_.clusters->find_cluster(name);
  if (cluster == nullptr) return std::nullopt;
  ClusterHealth health;
  for (const auto& host : cluster->hosts().hosts) {
    ++health.hosts;
    if (host->healthy()) ++health.healthy;
  }
  return health;
}

std::uint64_t Stream::start_call(CallRequest&& request, CallHandler* handler) {
  return FilterCall::start(*this, std::move(request), handler, extras().calls);
}

void Stream::cancel_call(std::uint64_t ticket) {
  if (extras_ != nullptr) FilterCall::cancel(extras_->calls, ticket);
}

void Stream::finish_call(std::uint64_t ticket) { FilterCall::cancel(extras().calls, ticket); }

ConnectionNotes& Stream::connection_notes() {
  if (facts_->notes == nullptr) facts_->notes = std::make_unique<ConnectionNotes>();
  return *facts_->notes;
}

const ConnectionInfo& Stream::connection() {
  StreamExtras& extra = extras();
  if (extra.connection_known) return extra.connection;
  extra.connection_known = true;
  ConnectionInfo& info = extra.connection;
  info.peer = facts_->peer;
  info.remote = remote_;
  info.destination = facts_->destination;
  info.server_name = facts_->server_name;
  info.protocol = protocol_;
  if (facts_->chain != nullptr) info.filter_chain_name = facts_->chain->name;
  info.connection_id = facts_->id;
  info.destination_restored = facts_->restored;
  return info;
}

std::string_view Stream::upstream_cluster() {
  return router_.pool() == nullptr
             ? target_cluster()
             : const_cast<http_client::ClusterPool*>(router_.pool())->cluster().config().name;
}

std::string Stream::upstream_host() {
  return router_.host() == nullptr ? std::string() : router_.host()->address.to_string();
}

void Stream::set_details(std::string_view details) { details_ = arena_.copy(details); }

void Stream::set_metadata(std::string_view space, std::string_view key, std::string value) {
  extras().metadata.set(space, key, std::move(value));
}

const std::string* Stream::metadata(std::string_view space, std::string_view key) {
  return extras_ == nullptr ? nullptr : extras_->metadata.find(space, key);
}

bool Stream::is_grpc() const {
  const std::string_view type = request_.get(HeaderId::content_type);
  return type.starts_with("application/grpc") &&
         (type.size() == 16 || type[16] == '+' || type[16] == ';');
}

}  // namespace weir::filters
