// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/health_check/health_check.hpp"

#include <optional>
#include <string>

#include "proxy/filters/http/support.hpp"
#include "proxy/io/event_loop.hpp"

namespace weir::filters {
namespace {

using http::HeaderId;
using http::HeaderMap;

constexpr std::string_view kDegraded = "x-envoy-degraded";

struct HealthCheckInstance final : HttpFilterInstance {
  HealthCheckInstance(HttpInstanceContext& context, const HealthCheckSettings& own,
                      CachedAnswer& cached)
      : settings(own),
        cache(cached),
        service_cluster(context.service_cluster),
        failed_flag(context.health_check_failed),
        request_total(http_counter(context, "health_check.request_total")),
        ok(http_counter(context, "health_check.ok")),
        failed(http_counter(context, "health_check.failed")),
        cached_response(http_counter(context, "health_check.cached_response")),
        degraded(http_counter(context, "health_check.degraded")),
        failed_cluster_not_found(http_counter(context, "health_check.failed_cluster_not_found")),
        failed_cluster_empty(http_counter(context, "health_check.failed_cluster_empty")),
        failed_cluster_unhealthy(http_counter(context, "health_check.failed_cluster_unhealthy")) {}
  HttpFilter* make(HttpStream& stream) override;
  [[nodiscard]] bool has_failed() const {
    return failed_flag != nullptr && failed_flag->load(std::memory_order_relaxed);
  }

  const HealthCheckSettings& settings;
  CachedAnswer& cache;
  std::string service_cluster;
  const std::atomic<bool>* failed_flag;
  stats::Counter& request_total;
  stats::Counter& ok;
  stats::Counter& failed;
  stats::Counter& cached_response;
  stats::Counter& degraded;
  stats::Counter& failed_cluster_not_found;
  stats::Counter& failed_cluster_empty;
  stats::Counter& failed_cluster_unhealthy;
};

struct Answer {
  std::uint16_t status = 200;
  std::string_view details = "health_check_ok";
  bool degraded = false;
};

class HealthCheckFilter final : public HttpFilter {
 public:
  HealthCheckFilter(HealthCheckInstance& instance, HttpStream& stream)
      : instance_(instance), stream_(stream) {}

  FilterStatus on_request_headers(HeaderMap& headers, bool end_of_stream) override {
    const HealthCheckSettings& settings = instance_.settings;
    if (!route::all_match(settings.headers, headers)) return FilterStatus::go_on;
    is_check_ = true;
    stream_.mark_health_check();
    if (settings.pass_through && !instance_.has_failed()) {
      if (settings.cache_time.count() > 0)
        cached_ = instance_.cache.find(stream_.worker().loop.now(), settings.cache_time);
      if (!cached_) return FilterStatus::go_on;
    }
    ours_ = true;
    // With the answer wait for the end of the request, so that the connection lives on.
    return end_of_stream ? answer() : FilterStatus::need_body;
  }
  FilterStatus on_request_data(BodyPiece&, bool) override {
    return ours_ ? answer() : FilterStatus::go_on;
  }

  FilterStatus on_response_headers(HeaderMap& headers, bool) override {
    if (is_check_) {
      if (!ours_) keep_answer(headers);
      headers.set(HeaderId::x_envoy_upstream_healthchecked_cluster, instance_.service_cluster);
    }
    if (instance_.has_failed())
      headers.set_static(HeaderId::x_envoy_immediate_health_check_fail, "true");
    return FilterStatus::go_on;
  }

 private:
  void keep_answer(const HeaderMap& headers) {
    if (!instance_.settings.pass_through || instance_.settings.cache_time.count() == 0) return;
    const auto status = parse_header_number(headers.get(HeaderId::status));
    if (!status || *status > 999) return;
    instance_.cache.keep({static_cast<std::uint16_t>(*status), headers.find(kDegraded) != nullptr},
                         stream_.worker().loop.now());
  }

  FilterStatus answer() {
    instance_.request_total.add();
    const Answer answer = decide();
    const bool is_ok = answer.status >= 200 && answer.status < 300;
    (is_ok ? instance_.ok : instance_.failed).add();
    LocalReply reply;
    reply.status = answer.status;
    reply.details = answer.details;
    if (!is_ok) reply.flags.set(access_log::ResponseFlag::failed_local_health_check);
    if (answer.degraded) {
      instance_.degraded.add();
      reply.headers.emplace_back(kDegraded, "");
    }
    stream_.reply(reply);
    return FilterStatus::ended;
  }

  Answer decide() {
    if (instance_.has_failed()) return {503, "health_check_failed"};
    if (cached_) {
      instance_.cached_response.add();
      return {cached_->status, "health_check_cached", cached_->degraded};
    }
    for (const auto& [name, least] : instance_.settings.clusters)
      if (const auto failure = check_cluster(name, least)) return *failure;
    if (!instance_.settings.clusters.empty()) return {200, "health_check_ok_cluster_healthy"};
    return {};
  }

  /// nullopt: it is healthy enough.
  std::optional<Answer> check_cluster(const std::string& name, std::uint32_t least) {
    const auto health = stream_.cluster_health(name);
    if (!health) {
      instance_.failed_cluster_not_found.add();
      return Answer{503, "health_check_failed_no_cluster_found"};
    }
    if (health->hosts == 0) {
      if (least == 0) return std::nullopt;
      instance_.failed_cluster_empty.add();
      return Answer{503, "health_check_failed_cluster_empty"};
    }
    if (health->healthy * 100 >= health->hosts * least) return std::nullopt;
    instance_.failed_cluster_unhealthy.add();
    return Answer{503, "health_check_failed_cluster_unhealthy"};
  }

  HealthCheckInstance& instance_;
  HttpStream& stream_;
  std::optional<CachedAnswer::Answer> cached_;
  bool is_check_ = false;
  bool ours_ = false;
};

HttpFilter* HealthCheckInstance::make(HttpStream& stream) {
  return stream.arena().make<HealthCheckFilter>(*this, stream);
}

}  // namespace

std::unique_ptr<HttpFilterInstance> HealthCheckFactory::instantiate(
    HttpInstanceContext& context) const {
  return std::make_unique<HealthCheckInstance>(context, settings_, cache_);
}

}  // namespace weir::filters
