// SPDX-License-Identifier: Apache-2.0
// ControlPlane: one stream to a control plane, as a source of configuration.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/api_config_source.hpp"
#include "proxy/discovery/source_user.hpp"
#include "proxy/server/server.hpp"
#include "proxy/xds/discovery_stream.hpp"
#include "proxy/xds/stream_transport.hpp"

namespace weir::discovery {

/// Main thread. Connects as soon as something is wanted.
class ControlPlane final : xds::Consumer, xds::StreamEvents, xds::ClusterView {
 public:
  using Names = std::set<std::string>;

  /// `only`: the type that its service serves; nullopt = ADS. `server` and `user` outlive it.
  ControlPlane(server::Server& server, std::shared_ptr<const config::ApiConfigSource> source,
               std::optional<ResourceType> only, SourceUser& user);
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  [[nodiscard]] bool is(const config::ApiConfigSource& source,
                        std::optional<ResourceType> only) const {
    return only_ == only && *source_ == source;
  }

  /// want() was called for it.
  [[nodiscard]] bool serves(ResourceType type) const { return stream_.find(type) != nullptr; }
  /// What is wanted of the type from now on: {"*"} is all. `fetch_timeout`: of the first call.
  /// @return names that are not wanted any more.
  std::vector<std::string> want(ResourceType type, std::chrono::milliseconds fetch_timeout,
                                Names names);
  /// The cluster `id` has other hosts.
  void hosts_changed(upstream::ClusterId id);

 private:
  std::vector<xds::ResourceError> apply(ResourceType type, std::vector<xds::Resource> added,
                                        std::vector<std::string> removed) override;
  void on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) override;

  void on_connected() override;
  void on_disconnected(std::string_view reason, std::chrono::milliseconds retry) override;
  void on_accepted(ResourceType type, std::string_view version) override;
  void on_rejected(ResourceType type, std::string_view version,
                   std::string_view complaint) override;
  void on_ignored(std::string_view type_url) override;
  void on_limited(std::size_t pending) override;

  [[nodiscard]] const std::string& name() const override { return source_->cluster; }
  [[nodiscard]] std::shared_ptr<const config::ClusterConfig> config() const override;
  [[nodiscard]] std::shared_ptr<const upstream::HostSet> hosts() const override;

  [[nodiscard]] std::string description() const;
  [[nodiscard]] stats::CounterName metric(std::string& storage, std::string_view field) const;
  stats::Gauge& gauge(std::string_view field);
  stats::Counter& limit_counter();

  server::Server& server_;
  const std::shared_ptr<const config::ApiConfigSource> source_;
  const std::optional<ResourceType> only_;
  SourceUser& user_;
  std::map<ResourceType, Names> wanted_;
  xds::DiscoveryStream stream_;
  const std::shared_ptr<xds::StreamTransport> transport_;
};

}  // namespace weir::discovery
