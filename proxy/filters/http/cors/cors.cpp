// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/cors/cors.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "proxy/filters/http/cors/cors_config.hpp"
#include "proxy/filters/http/support.hpp"

namespace weir::filters {
namespace {

using http::HeaderId;
using http::HeaderMap;

constexpr std::string_view kAllowOrigin = "access-control-allow-origin";
constexpr std::string_view kAllowCredentials = "access-control-allow-credentials";
constexpr std::string_view kExposeHeaders = "access-control-expose-headers";

struct CorsInstance final : HttpFilterInstance {
  CorsInstance(HttpInstanceContext& context)
      : name(context.name),
        origin_valid(http_counter(context, "cors.origin_valid")),
        origin_invalid(http_counter(context, "cors.origin_invalid")) {}
  HttpFilter* make(HttpStream& stream) override;

  std::string name;
  stats::Counter& origin_valid;
  stats::Counter& origin_invalid;
  std::vector<const config::RouteFilterConfig*> scratch;
};

/// The policies of a route, the most specific first: the first that says something counts.
class Policies {
 public:
  Policies() = default;
  explicit Policies(std::span<const CorsPolicy*> list) : list_(list) {}

  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] const CorsPolicy& first() const { return *list_.front(); }

  [[nodiscard]] std::string_view text(std::string CorsPolicy::*member) const {
    for (const CorsPolicy* policy : list_)
      if (!(policy->*member).empty()) return policy->*member;
    return {};
  }
  [[nodiscard]] bool flag(std::optional<bool> CorsPolicy::*member, bool otherwise) const {
    for (const CorsPolicy* policy : list_)
      if ((policy->*member).has_value()) return *(policy->*member);
    return otherwise;
  }
  [[nodiscard]] bool allows(std::string_view origin) const {
    for (const CorsPolicy* policy : list_) {
      if (policy->allow_origins.empty()) continue;
      return std::any_of(policy->allow_origins.begin(), policy->allow_origins.end(),
                         [&](const route::StringMatcher& matcher) {
                           return matcher.matches("*") || matcher.matches(origin);
                         });
    }
    return false;
  }

 private:
  std::span<const CorsPolicy*> list_;
};

class CorsFilter final : public HttpFilter {
 public:
  CorsFilter(CorsInstance& instance, HttpStream& stream) : instance_(instance), stream_(stream) {}

  FilterStatus on_request_headers(HeaderMap& headers, bool) override {
    const std::string_view origin = headers.joined("origin");
    if (origin.empty() || !find_policies()) return FilterStatus::go_on;
    upstream::Random& random = stream_.worker().random;
    const bool enabled = policies_.first().enabled.holds(random.next());
    if (!enabled && !policies_.first().shadow_enabled.holds(random.next()))
      return FilterStatus::go_on;

    const bool allowed = policies_.allows(origin);
    (allowed ? instance_.origin_valid : instance_.origin_invalid).add();
    if (!enabled) return FilterStatus::go_on;
    if (allowed) allowed_origin_ = origin;
    if (!is_preflight(headers) ||
        (!allowed && policies_.flag(&CorsPolicy::forward_not_matching_preflights, true)))
      return FilterStatus::go_on;
    answer_preflight(headers);
    return FilterStatus::ended;
  }

  /// Of the upstream's answer, of a reply of ours, and of the answer to a preflight.
  FilterStatus on_response_headers(HeaderMap& headers, bool) override {
    if (allowed_origin_.empty()) return FilterStatus::go_on;
    headers.set(kAllowOrigin, allowed_origin_);
    if (policies_.flag(&CorsPolicy::allow_credentials, false))
      headers.set(kAllowCredentials, "true");
    const std::string_view expose = policies_.text(&CorsPolicy::expose_headers);
    if (!expose.empty()) headers.set(kExposeHeaders, expose);
    return FilterStatus::go_on;
  }

 private:
  /// False: the request is not forwarded, or no level of its route has a policy.
  bool find_policies() {
    const route::Route* const route = stream_.route();
    if (route == nullptr || !std::holds_alternative<route::ForwardAction>(route->action))
      return false;
    instance_.scratch.clear();
    stream_.route_configs(instance_.name, instance_.scratch);
    const std::size_t most = instance_.scratch.size();
    auto* const list = static_cast<const CorsPolicy**>(
        stream_.arena().allocate(most * sizeof(const CorsPolicy*), alignof(const CorsPolicy*)));
    std::size_t count = 0;
    for (auto at = instance_.scratch.rbegin(); at != instance_.scratch.rend(); ++at)
      if (const auto* policy = route_filter_as<CorsPolicy>(*at)) list[count++] = policy;
    policies_ = Policies({list, count});
    return count > 0;
  }

  static bool is_preflight(const HeaderMap& headers) {
    return headers.get(HeaderId::method) == "OPTIONS" &&
           !headers.get(HeaderId::access_control_request_method).empty();
  }

  void answer_preflight(const HeaderMap& request) {
    LocalReply reply;
    reply.status = 200;
    reply.details = "cors_response";
    const auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) reply.headers.emplace_back(name, value);
    };
    const auto asked_for = [&](std::string_view allowed, std::string_view header) {
      return allowed == "*" ? request.joined(header) : allowed;
    };
    add(kAllowOrigin, allowed_origin_);
    if (policies_.flag(&CorsPolicy::allow_credentials, false)) add(kAllowCredentials, "true");
    add("access-control-allow-methods",
        asked_for(policies_.text(&CorsPolicy::allow_methods), "access-control-request-method"));
    add("access-control-allow-headers",
        asked_for(policies_.text(&CorsPolicy::allow_headers), "access-control-request-headers"));
    add("access-control-max-age", policies_.text(&CorsPolicy::max_age));
    if (policies_.flag(&CorsPolicy::allow_private_network_access, false) &&
        request.joined("access-control-request-private-network") == "true")
      add("access-control-allow-private-network", "true");
    stream_.reply(reply);
  }

  CorsInstance& instance_;
  HttpStream& stream_;
  Policies policies_;
  std::string_view allowed_origin_;  // "": not a cross-origin request that is allowed
};

HttpFilter* CorsInstance::make(HttpStream& stream) {
  return stream.arena().make<CorsFilter>(*this, stream);
}

}  // namespace

std::unique_ptr<HttpFilterInstance> CorsFactory::instantiate(HttpInstanceContext& context) const {
  return std::make_unique<CorsInstance>(context);
}

}  // namespace weir::filters
