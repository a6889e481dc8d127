// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/control_plane.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "common/log.hpp"
#include "proxy/discovery/source_counters.hpp"

namespace weir::discovery {
namespace {

xds::StreamOptions options_of(const config::ApiConfigSource& source,
                              const config::NodeConfig& node) {
  xds::StreamOptions options;
  options.protocol = source.delta ? xds::Protocol::delta : xds::Protocol::sotw;
  options.node.ParseFromString(node.message);
  options.node.set_id(node.id);
  options.node.set_cluster(node.cluster);
  if (options.node.user_agent_name().empty()) {
    options.node.set_user_agent_name("weir");
    options.node.set_user_agent_version(WEIR_VERSION);
  }
  options.node_on_first_message_only = source.node_on_first_message_only;
  options.retry_base = source.backoff.base;
  options.retry_most = source.backoff.most;
  if (source.rate_limit)
    options.rate_limit =
        xds::RateLimit{source.rate_limit->max_tokens, source.rate_limit->tokens_per_second};
  return options;
}

xds::GrpcRequest request_of(const config::ApiConfigSource& source,
                            std::optional<ResourceType> only) {
  xds::GrpcRequest request;
  request.path = xds::method_path(only, source.delta ? xds::Protocol::delta : xds::Protocol::sotw);
  request.authority = source.authority;
  request.metadata = source.metadata;
  request.most_message = source.max_message;
  return request;
}

std::uint64_t any_number() { return std::random_device{}(); }

std::vector<std::string> difference(const ControlPlane::Names& from,
                                    const ControlPlane::Names& without) {
  std::vector<std::string> left;
  std::set_difference(from.begin(), from.end(), without.begin(), without.end(),
                      std::back_inserter(left));
  return left;
}

}  // namespace

ControlPlane::ControlPlane(server::Server& server,
                           std::shared_ptr<const config::ApiConfigSource> source,
                           std::optional<ResourceType> only, SourceUser& user)
    : server_(server),
      source_(std::move(source)),
      only_(only),
      user_(user),
      stream_(options_of(*source_, server.snapshot()->node), *this, *this,
              [random = std::mt19937_64(any_number())]() mutable { return random(); }),
      transport_(std::make_shared<xds::StreamTransport>(server.io(), stream_,
                                                        static_cast<const xds::ClusterView&>(*this),
                                                        request_of(*source_, only), any_number())) {
  for (const char* field : {"connected_state", "pending_requests"}) gauge(field).set(0);
  static_cast<void>(limit_counter());
  transport_->start();
}

ControlPlane::~ControlPlane() { transport_->stop(); }

std::vector<std::string> ControlPlane::want(ResourceType type,
                                            std::chrono::milliseconds fetch_timeout, Names names) {
  if (stream_.find(type) == nullptr) stream_.add_type(type, fetch_timeout);
  Names& wanted = wanted_[type];
  if (names == wanted) return {};
  const auto gone = difference(wanted, names);
  const auto fresh = difference(names, wanted);
  wanted = std::move(names);
  if (!gone.empty()) stream_.unsubscribe(type, gone);
  if (!fresh.empty()) stream_.subscribe(type, fresh, xds::Clock::now());
  transport_->wake();
  return gone;
}

void ControlPlane::hosts_changed(upstream::ClusterId id) {
  const auto* const cluster = server_.find_cluster(source_->cluster);
  if (cluster != nullptr && cluster->id == id) transport_->cluster_changed();
}

std::vector<xds::ResourceError> ControlPlane::apply(ResourceType type,
                                                    std::vector<xds::Resource> added,
                                                    std::vector<std::string> removed) {
  Update update;
  update.type = type;
  update.changed.reserve(added.size());
  for (xds::Resource& resource : added)
    update.changed.push_back({std::move(resource.name), std::move(resource.version),
                              std::move(resource.body), std::string()});
  update.removed = std::move(removed);
  std::vector<xds::ResourceError> refused;
  for (Rejection& rejection : user_.update(update))
    refused.push_back({std::move(rejection.name), std::string(), std::move(rejection.text)});
  return refused;
}

void ControlPlane::on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) {
  user_.on_fetch_timeout(type, names);
}

void ControlPlane::on_connected() {
  gauge("connected_state").set(1);
  log::info(log::Component::config, "control plane '{}': connected, {}", name(),
            xds::method_path(only_, stream_.protocol()));
  user_.on_stream(description(), "");
}

void ControlPlane::on_disconnected(std::string_view reason, std::chrono::milliseconds retry) {
  gauge("connected_state").set(0);
  log::warning(log::Component::config,
               "control plane '{}': lost: {}; the configuration stays as it is; next try in {} ms",
               name(), reason, retry.count());
  for (const auto& [type, names] : wanted_)
    if (!names.empty()) user_.on_lost(type);
  // Where nothing is wanted any more nothing is missed.
  const bool missed = std::any_of(wanted_.begin(), wanted_.end(),
                                  [](const auto& wanted) { return !wanted.second.empty(); });
  user_.on_stream(description(), missed ? std::string(reason) : "");
}

std::string ControlPlane::description() const {
  std::string text = "control plane '" + name() + "'";
  if (only_) text += " (" + std::string(xds::short_name(*only_)) + ")";
  return text;
}

void ControlPlane::on_accepted(ResourceType type, std::string_view version) {
  log::debug(log::Component::config, "control plane '{}': {}, version '{}'", name(),
             xds::short_name(type), version);
  user_.on_response(type, version, true);
}

void ControlPlane::on_rejected(ResourceType type, std::string_view version,
                               std::string_view complaint) {
  log::error(log::Component::config,
             "control plane '{}': {}, version '{}', is refused (NACK); of what is refused, what "
             "was before stays in force: {}",
             name(), xds::short_name(type), version, complaint);
  user_.on_response(type, version, false);
}

void ControlPlane::on_ignored(std::string_view type_url) {
  log::warning(log::Component::config,
               "control plane '{}': a response of type '{}', which was not asked for, is ignored",
               name(), type_url);
}

void ControlPlane::on_limited(std::size_t pending) {
  gauge("pending_requests").set(static_cast<std::int64_t>(pending));
  if (pending > 0) limit_counter().add();
}

std::shared_ptr<const config::ClusterConfig> ControlPlane::config() const {
  const auto* const cluster = server_.find_cluster(source_->cluster);
  return cluster == nullptr ? nullptr : cluster->config;
}

std::shared_ptr<const upstream::HostSet> ControlPlane::hosts() const {
  const auto* const cluster = server_.find_cluster(source_->cluster);
  return cluster == nullptr ? nullptr : server_.hosts_of(cluster->id);
}

/// As Envoy names them: those of a stream for one type stand beside the type's own.
stats::CounterName ControlPlane::metric(std::string& storage, std::string_view field) const {
  if (!only_) {
    storage = field;
    return {"control_plane", "", storage};
  }
  storage = std::string(xds::short_name(*only_)) + ".control_plane.";
  storage += field;
  return {counter_group(*only_), "", storage};
}

stats::Counter& ControlPlane::limit_counter() {
  std::string storage;
  auto& stats = server_.stats_store();
  return stats.counter(metric(storage, "rate_limit_enforced"), stats.workers());
}

stats::Gauge& ControlPlane::gauge(std::string_view field) {
  std::string storage;
  auto& stats = server_.stats_store();
  return stats.gauge(metric(storage, field), stats.workers());
}

}  // namespace weir::discovery
