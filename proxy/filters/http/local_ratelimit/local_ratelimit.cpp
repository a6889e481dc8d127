// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/local_ratelimit/local_ratelimit.hpp"

#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/filters/http/support.hpp"
#include "proxy/io/event_loop.hpp"

namespace weir::filters {
namespace {

using http::HeaderMap;

struct Counters {
  stats::Counter* enabled = nullptr;
  stats::Counter* enforced = nullptr;
  stats::Counter* ok = nullptr;
  stats::Counter* rate_limited = nullptr;
};

/// <stat_prefix>.http_local_rate_limit.*
Counters counters_of(HttpInstanceContext& context, std::string_view prefix) {
  const auto counter = [&](std::string_view field) {
    return &context.network.stats.counter({"", prefix, field, "envoy_local_http_ratelimit_prefix"},
                                          context.network.worker.worker);
  };
  return {counter("http_local_rate_limit.enabled"), counter("http_local_rate_limit.enforced"),
          counter("http_local_rate_limit.ok"), counter("http_local_rate_limit.rate_limited")};
}

struct RateLimitInstance final : HttpFilterInstance {
  RateLimitInstance(HttpInstanceContext& context, const RateLimit& own)
      : name(context.name),
        service_cluster(context.service_cluster),
        limit(own),
        counters(counters_of(context, own.settings.stat_prefix)) {
    if (context.routes == nullptr) return;
    for_each_route_config<RouteRateLimit>(*context.routes, name, [&](const RouteRateLimit& route) {
      of_routes.emplace(&route.limit, counters_of(context, route.limit.settings.stat_prefix));
    });
  }
  HttpFilter* make(HttpStream& stream) override;

  /// Of a route that was not known at the start: those of the filter.
  [[nodiscard]] const Counters& counters_for(const RateLimit& used) const {
    const auto found = of_routes.find(&used);
    return found == of_routes.end() ? counters : found->second;
  }

  std::string name;
  std::string service_cluster;
  const RateLimit& limit;
  Counters counters;
  std::unordered_map<const RateLimit*, Counters> of_routes;
};

/// The buckets of one connection, for one RateLimit.
struct ConnectionLimiter final : ConnectionNotes::Note {
  explicit ConnectionLimiter(const RateLimitSettings& settings) : limiter(settings) {}
  Limiter limiter;
};

class RateLimitFilter final : public HttpFilter {
 public:
  RateLimitFilter(RateLimitInstance& instance, HttpStream& stream)
      : instance_(instance), stream_(stream) {}

  FilterStatus on_request_headers(HeaderMap& headers, bool) override {
    const auto* of_route = route_config_of<RouteRateLimit>(stream_, instance_.name);
    const RateLimit& limit = of_route != nullptr ? of_route->limit : instance_.limit;
    settings_ = &limit.settings;
    upstream::Random& random = stream_.worker().random;
    if (!settings_->enabled.holds(random.next())) return FilterStatus::go_on;
    const Counters& counters = instance_.counters_for(limit);
    counters.enabled->add();
    const Limiter::Decision decision = take(limit);
    bucket_ = decision.bucket;
    if (decision.allowed) {
      counters.ok->add();
      return FilterStatus::go_on;
    }
    counters.rate_limited->add();
    if (!settings_->enforced.holds(random.next())) {
      settings_->request_headers.apply(headers, nullptr);
      return FilterStatus::go_on;
    }
    counters.enforced->add();
    refuse();
    return FilterStatus::ended;
  }

  /// Of the upstream's answer, and of ours.
  FilterStatus on_response_headers(HeaderMap& headers, bool) override {
    if (bucket_ == nullptr || !settings_->x_ratelimit_headers) return FilterStatus::go_on;
    const auto now = stream_.worker().loop.now();
    headers.add("x-ratelimit-limit", std::to_string(bucket_->max_tokens()));
    headers.add("x-ratelimit-remaining", std::to_string(bucket_->tokens(now)));
    headers.add("x-ratelimit-reset", std::to_string(bucket_->seconds_to_next(now)));
    return FilterStatus::go_on;
  }

 private:
  Limiter::Decision take(const RateLimit& limit) {
    const auto now = stream_.worker().loop.now();
    Limiter& limiter = settings_->per_connection ? limiter_of_connection(limit) : limit.limiter;
    if (settings_->descriptors.empty() || settings_->rate_limits.empty())
      return limiter.take({}, now);
    const auto descriptors =
        describe_request(settings_->rate_limits, stream_, instance_.service_cluster);
    return limiter.take(descriptors, now);
  }

  Limiter& limiter_of_connection(const RateLimit& limit) {
    ConnectionNotes& notes = stream_.connection_notes();
    if (auto* kept = notes.find(&limit)) return static_cast<ConnectionLimiter*>(kept)->limiter;
    auto made = std::make_unique<ConnectionLimiter>(limit.settings);
    Limiter& limiter = made->limiter;
    notes.keep(&limit, std::move(made));
    return limiter;
  }

  void refuse() {
    LocalReply reply;
    reply.mutations = &settings_->response_headers;
    reply.status = settings_->status;
    reply.body = "local_rate_limited";
    reply.details = "local_rate_limited";
    reply.flags.set(access_log::ResponseFlag::rate_limited);
    constexpr std::uint32_t kResourceExhausted = 8;
    if (settings_->resource_exhausted) reply.grpc_status = kResourceExhausted;
    stream_.reply(reply);
  }

  RateLimitInstance& instance_;
  HttpStream& stream_;
  const RateLimitSettings* settings_ = nullptr;
  const TokenBucket* bucket_ = nullptr;  // the one that decided
};

HttpFilter* RateLimitInstance::make(HttpStream& stream) {
  return stream.arena().make<RateLimitFilter>(*this, stream);
}

}  // namespace

std::unique_ptr<HttpFilterInstance> LocalRateLimitFactory::instantiate(
    HttpInstanceContext& context) const {
  return std::make_unique<RateLimitInstance>(context, limit_);
}

}  // namespace weir::filters
