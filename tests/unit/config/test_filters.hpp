// SPDX-License-Identifier: Apache-2.0
// A registry for tests of configuration: the filters' configuration types without the filters.
#pragma once

#include "proxy/config/filter_registry.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"
#include "proxy/filters/network/tcp_proxy/tcp_proxy_config.hpp"

namespace weir::config::testing {

class TestTcpProxy final : public NetworkFilterConfig {
 public:
  explicit TestTcpProxy(filters::TcpProxyConfig parsed) : config(std::move(parsed)) {}
  [[nodiscard]] std::string_view name() const override { return "envoy.filters.network.tcp_proxy"; }
  [[nodiscard]] std::vector<std::string> cluster_names() const override;
  [[nodiscard]] std::string to_string() const override;

  const filters::TcpProxyConfig config;
};

class TestHcm final : public NetworkFilterConfig {
 public:
  explicit TestHcm(filters::HcmConfig parsed) : config(std::move(parsed)) {}
  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.network.http_connection_manager";
  }
  [[nodiscard]] std::vector<std::string> cluster_names() const override;
  [[nodiscard]] std::vector<std::string> check_clusters(
      const std::function<bool(const std::string& name)>& exists) const override;
  [[nodiscard]] std::string_view without_cluster() const override {
    return "requests for it will be refused (NC)";
  }
  [[nodiscard]] std::string to_string() const override;

  const filters::HcmConfig config;
};

class TestHttpFilter final : public HttpFilterConfig {
 public:
  explicit TestHttpFilter(std::string parsed) : text(std::move(parsed)) {}
  [[nodiscard]] std::string_view name() const override { return "envoy.filters.http.test"; }

  const std::string text;
};

class TestRouteFilter final : public RouteFilterConfig {
 public:
  explicit TestRouteFilter(std::string parsed) : text(std::move(parsed)) {}

  const std::string text;
};

class TestListenerFilter final : public ListenerFilterConfig {
 public:
  explicit TestListenerFilter(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

 private:
  std::string name_;
};

/// tcp_proxy, http_connection_manager, original_dst, original_src, tls_inspector, and an HTTP
/// filter "envoy.filters.http.test".
const FilterRegistry& test_registry();

}  // namespace weir::config::testing
