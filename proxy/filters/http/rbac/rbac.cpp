// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/rbac/rbac.hpp"

#include <cctype>
#include <string>
#include <unordered_map>

#include "proxy/filters/http/rbac/evaluate.hpp"
#include "proxy/filters/http/support.hpp"

namespace weir::filters {
namespace {

using http::HeaderMap;

constexpr std::string_view kSpace = "envoy.filters.http.rbac";  // of the metadata, as in Envoy

/// Allowed and denied, of all rules or of one policy.
struct Decisions {
  stats::Counter* allowed = nullptr;
  stats::Counter* denied = nullptr;
  void add(bool is_allowed) const { (is_allowed ? allowed : denied)->add(); }
};
/// Of the dynamic metadata that a decision leaves.
struct MetadataKeys {
  std::string policy;
  std::string result;
};
MetadataKeys metadata_keys(const std::string& prefix, std::string_view what) {
  const std::string start = prefix + std::string(what);
  return {start + "effective_policy_id", start + "engine_result"};
}

using DecisionsByPolicy = std::unordered_map<const RbacPolicy*, Decisions>;

struct RbacInstance final : HttpFilterInstance {
  RbacInstance(HttpInstanceContext& context, const RbacSettings& own);
  HttpFilter* make(HttpStream& stream) override;

  std::string name;
  const RbacSettings& settings;
  Decisions enforced;
  Decisions shadow;
  MetadataKeys enforced_keys;
  MetadataKeys shadow_keys;
  DecisionsByPolicy per_policy;  // those that track_per_rule_stats asks for

 private:
  void track(HttpInstanceContext& context, const RbacSettings& of);
  Decisions decisions(HttpInstanceContext& context, const std::string& scope,
                      std::string_view what) const;
};

/// "rbac." or "rbac.<prefix>."
std::string scope_of(const std::string& prefix) {
  if (prefix.empty()) return "rbac.";
  return "rbac." + prefix + (prefix.back() == '.' ? "" : ".");
}

RbacInstance::RbacInstance(HttpInstanceContext& context, const RbacSettings& own)
    : name(context.name), settings(own) {
  enforced = decisions(context, scope_of(own.stat_prefix), "");
  shadow = decisions(context, scope_of(own.shadow_stat_prefix), "shadow_");
  enforced_keys = metadata_keys(own.stat_prefix, "enforced_");
  shadow_keys = metadata_keys(own.shadow_stat_prefix, "shadow_");
  track(context, own);
  if (context.routes == nullptr) return;
  for_each_route_config<RouteRbac>(*context.routes, name,
                                   [&](const RouteRbac& route) { track(context, route.settings); });
}

/// Routes count under the prefixes of the filter, as in Envoy.
void RbacInstance::track(HttpInstanceContext& context, const RbacSettings& of) {
  if (!of.track_per_rule_stats) return;
  const auto add = [&](const std::optional<RbacRules>& rules, const std::string& prefix,
                       std::string_view what) {
    if (!rules) return;
    for (const RbacPolicy& policy : rules->policies)
      per_policy[&policy] =
          decisions(context, scope_of(prefix) + "policy." + policy.name + ".", what);
  };
  add(of.rules, settings.stat_prefix, "");
  add(of.shadow_rules, settings.shadow_stat_prefix, "shadow_");
}

Decisions RbacInstance::decisions(HttpInstanceContext& context, const std::string& scope,
                                  std::string_view what) const {
  const std::string start = scope + std::string(what);
  return {&http_counter(context, start + "allowed"), &http_counter(context, start + "denied")};
}

class RbacFilter final : public HttpFilter {
 public:
  RbacFilter(RbacInstance& instance, HttpStream& stream) : instance_(instance), stream_(stream) {}

  FilterStatus on_request_headers(HeaderMap&, bool) override {
    const auto* of_route = route_config_of<RouteRbac>(stream_, instance_.name);
    const RbacSettings& settings = of_route != nullptr ? of_route->settings : instance_.settings;
    if (settings.shadow_rules) shadow(settings, *settings.shadow_rules);
    if (!settings.rules) return FilterStatus::go_on;
    const RbacVerdict verdict = enforce(settings, *settings.rules);
    if (settings.rules->action == RbacRules::Action::log)
      stream_.set_metadata("envoy.common", "access_log_hint",
                           verdict.policy != nullptr ? "true" : "false");
    if (verdict.allowed) return FilterStatus::go_on;
    deny(verdict.policy);
    return FilterStatus::ended;
  }

 private:
  /// The prefix of a route's own replaces the filter's, in the metadata only.
  void shadow(const RbacSettings& settings, const RbacRules& rules) {
    const std::string& prefix = settings.shadow_stat_prefix;
    const RbacVerdict verdict = decide(rules, instance_.shadow);
    if (prefix.empty() || &settings == &instance_.settings)
      note(verdict, instance_.shadow_keys);
    else
      note(verdict, metadata_keys(prefix, "shadow_"));
  }
  RbacVerdict enforce(const RbacSettings& settings, const RbacRules& rules) {
    const std::string& prefix = settings.stat_prefix;
    const RbacVerdict verdict = decide(rules, instance_.enforced);
    if (prefix.empty() || &settings == &instance_.settings)
      note(verdict, instance_.enforced_keys);
    else
      note(verdict, metadata_keys(prefix, "enforced_"));
    return verdict;
  }

  RbacVerdict decide(const RbacRules& rules, const Decisions& decisions) {
    const RbacVerdict verdict = evaluate(rules, stream_);
    decisions.add(verdict.allowed);
    if (verdict.policy == nullptr || instance_.per_policy.empty()) return verdict;
    if (const auto found = instance_.per_policy.find(verdict.policy);
        found != instance_.per_policy.end())
      found->second.add(verdict.allowed);
    return verdict;
  }

  void note(const RbacVerdict& verdict, const MetadataKeys& keys) {
    if (verdict.policy != nullptr) stream_.set_metadata(kSpace, keys.policy, verdict.policy->name);
    stream_.set_metadata(kSpace, keys.result, verdict.allowed ? "allowed" : "denied");
  }

  void deny(const RbacPolicy* policy) {
    std::string details = "rbac_access_denied_matched_policy[";
    for (const char c : policy != nullptr ? policy->name : std::string("none"))
      details += std::isspace(static_cast<unsigned char>(c)) != 0 ? '_' : c;
    details += ']';
    LocalReply reply;
    reply.status = 403;
    reply.body = "RBAC: access denied";
    reply.details = stream_.arena().copy(details);
    stream_.reply(reply);
  }

  RbacInstance& instance_;
  HttpStream& stream_;
};

HttpFilter* RbacInstance::make(HttpStream& stream) {
  return stream.arena().make<RbacFilter>(*this, stream);
}

}  // namespace

std::unique_ptr<HttpFilterInstance> RbacFactory::instantiate(HttpInstanceContext& context) const {
  return std::make_unique<RbacInstance>(context, settings_);
}

}  // namespace weir::filters
