// SPDX-License-Identifier: Apache-2.0
// HTTP filters against the headers of a hostile client: a request is forwarded or answered, never
// both and never neither; what rbac keeps out stays out however the rest looks.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/filters/http/cors/cors.hpp"
#include "proxy/filters/http/cors/cors_config.hpp"
#include "proxy/filters/http/fault/fault.hpp"
#include "proxy/filters/http/local_ratelimit/local_ratelimit.hpp"
#include "proxy/filters/http/rbac/rbac.hpp"
#include "tests/unit/filters/fake_http_host.hpp"

namespace {

using namespace weir;
using namespace weir::filters;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Lines "name: value" of the input as the codecs give them: names in lower case, no pseudo-header
/// twice.
HeaderPairs headers_of(std::string_view text) {
  HeaderPairs pairs;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(':', 1);
    if (colon == std::string_view::npos) continue;
    std::string name(line.substr(0, colon));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool again =
        name.front() == ':' &&
        std::any_of(pairs.begin(), pairs.end(), [&](auto& one) { return one.first == name; });
    if (!again) pairs.emplace_back(std::move(name), line.substr(colon + 1));
  }
  return pairs;
}

RbacRule rule(RbacRule::Kind kind, std::vector<RbacRule> children = {}) {
  RbacRule made;
  made.kind = kind;
  made.children = std::move(children);
  return made;
}

/// Denies what has a line `x-deny: 1`, and all paths below /secret.
RbacSettings rbac_settings() {
  RbacRule header = rule(RbacRule::Kind::header);
  header.header = header_is("x-deny", "1");
  RbacRule path = rule(RbacRule::Kind::url_path);
  path.text = {route::StringMatcher::Kind::prefix, "/secret", false, nullptr};
  RbacSettings settings;
  settings.rules =
      RbacRules{RbacRules::Action::deny, {{"p", {header, path}, {rule(RbacRule::Kind::any)}}}};
  return settings;
}

bool is_denied(const HeaderPairs& headers) {
  std::string_view path;
  for (const auto& [name, value] : headers) {
    if (name == "x-deny" && value == "1") return true;
    if (name == ":path") path = value;
  }
  return path.substr(0, 7) == "/secret";
}

FaultSettings fault_settings() {
  FaultSettings settings;
  settings.delay = {std::nullopt, {100, 100}};
  settings.abort.emplace();
  settings.abort->kind = FaultAbort::Kind::header;
  settings.abort->share = {100, 100};
  settings.response_rate_limit = {std::nullopt, {100, 100}};
  return settings;
}

RateLimitSettings limit_settings() {
  RateLimitSettings settings;
  settings.stat_prefix = "a";
  settings.bucket = {2, 1, std::chrono::seconds(1)};
  settings.enabled = settings.enforced = {100, 100};
  settings.descriptors = {{{{"k", "v"}}, {1, 1, std::chrono::seconds(1)}}};
  RateLimitAction action{RateLimitAction::Kind::request_header, "k"};
  action.header = "x-who";
  settings.rate_limits = {{action}};
  settings.x_ratelimit_headers = true;
  return settings;
}

struct Filters {
  FakeHttpHost host;
  CorsFactory cors_factory;
  FaultFactory fault_factory{fault_settings()};
  RbacFactory rbac_factory{rbac_settings()};
  LocalRateLimitFactory limit_factory{limit_settings()};
  std::unique_ptr<HttpFilterInstance> cors = host.instantiate(cors_factory, "cors");
  std::unique_ptr<HttpFilterInstance> fault = host.instantiate(fault_factory, "fault");
  std::unique_ptr<HttpFilterInstance> rbac = host.instantiate(rbac_factory, "rbac");
  std::unique_ptr<HttpFilterInstance> limit = host.instantiate(limit_factory, "limit");
  CorsPolicy policy;
  route::Route route;

  Filters() {
    policy.allow_origins = {{route::StringMatcher::Kind::suffix, ".example", false, nullptr}};
    policy.allow_methods = policy.allow_headers = "*";
    policy.allow_private_network_access = true;
    route.action = route::ForwardAction{};
  }

  void run(HttpFilterInstance& instance, const HeaderPairs& headers, bool rbac_says_no) {
    FakeHttpStream stream(host.worker);
    stream.chosen_route = &route;
    stream.route_filters["cors"] = {&policy};
    require(stream.use(instance));
    stream.send_request(headers, false);
    stream.send_request_data("body", true);
    host.worker.advance(std::chrono::milliseconds(20));
    if (stream.request.paused) return;  // a delay that is longer
    require(stream.replied.has_value() != stream.request.ended);
    if (&instance == rbac.get()) require(stream.replied.has_value() == rbac_says_no);
    if (stream.replied) return;
    require(stream.request.body == "body");
    stream.send_response({{":status", "200"}}, false);
    stream.send_response_data("answer", true);
    if (!stream.response.paused) require(stream.response.body == "answer");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Filters filters;
  const HeaderPairs headers =
      headers_of(std::string_view(reinterpret_cast<const char*>(data), size));
  const bool denied = is_denied(headers);
  for (HttpFilterInstance* instance :
       {filters.cors.get(), filters.fault.get(), filters.rbac.get(), filters.limit.get()})
    filters.run(*instance, headers, denied);
  return 0;
}
