// SPDX-License-Identifier: Apache-2.0
// A registry for tests of configuration: the filters' configuration types without the filters.
#pragma once

#include "proxy/config/filter_registry.hpp"
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

class TestListenerFilter final : public ListenerFilterConfig {
 public:
  explicit TestListenerFilter(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

 private:
  std::string name_;
};

/// tcp_proxy, original_dst, original_src and tls_inspector.
const FilterRegistry& test_registry();

}  // namespace weir::config::testing
