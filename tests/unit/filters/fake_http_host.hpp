// SPDX-License-Identifier: Apache-2.0
// FakeHttpHost: what a connection manager of one worker gives a filter factory, and its counters.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/filters/filter.hpp"
#include "proxy/filters/http/filter.hpp"
#include "proxy/stats/stats_store.hpp"
#include "tests/unit/filters/fake_http_stream.hpp"

namespace weir::filters {

/// Connection manager "ingress" of service cluster "front", with one worker.
class FakeHttpHost {
 public:
  /// `name`: of the entry in http_filters.
  std::unique_ptr<HttpFilterInstance> instantiate(const HttpFilterFactory& factory,
                                                  std::string_view name) {
    InstanceContext network{worker.context, nullptr, store, no_clusters_, no_logs_};
    HttpInstanceContext context{network, name, "ingress", "front", &health_check_failed, routes};
    return factory.instantiate(context);
  }

  /// Of http.ingress.<field>.
  [[nodiscard]] std::uint64_t counter(std::string_view field) {
    return store.counter("http", "ingress", field, 0).value();
  }
  [[nodiscard]] std::int64_t gauge(std::string_view field) {
    return store.gauge({"http", "ingress", field}, 0).value();
  }

  FakeWorker worker;
  stats::StatsStore store{1};
  std::atomic<bool> health_check_failed{false};
  const route::RouteConfig* routes = nullptr;

 private:
  struct NoClusters final : ClusterLookup {
    upstream::WorkerCluster* find_cluster(std::string_view) override { return nullptr; }
    http_client::ClusterPool* find_pool(std::string_view) override { return nullptr; }
  };
  struct NoLogs final : AccessLogLookup {
    access_log::OpenedAccessLog find_access_log(const access_log::AccessLogConfig&) override {
      return {};
    }
  };
  NoClusters no_clusters_;
  NoLogs no_logs_;
};

/// The value of a header; "" when it is not there.
inline std::string header_of(const http::HeaderMap* headers, std::string_view name) {
  return headers == nullptr ? "" : std::string(headers->joined(name));
}

/// A matcher of a header's exact value.
inline route::HeaderMatcher header_is(std::string name, std::string value) {
  route::HeaderMatcher matcher;
  matcher.name = std::move(name);
  matcher.kind = route::HeaderMatcher::Kind::string;
  matcher.string = {route::StringMatcher::Kind::exact, std::move(value), false, nullptr};
  return matcher;
}
inline route::StringMatcher text_is(std::string value) {
  return {route::StringMatcher::Kind::exact, std::move(value), false, nullptr};
}

}  // namespace weir::filters
