// SPDX-License-Identifier: Apache-2.0
// Router: which way a request goes, and what it becomes for the upstream.
#include <algorithm>
#include <limits>

#include "proxy/filters/http/support.hpp"
#include "proxy/filters/network/http_connection_manager/router.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"
#include "proxy/filters/network/http_connection_manager/timeouts.hpp"
#include "proxy/http/http1/head_parser.hpp"
#include "proxy/route/regex.hpp"
#include "proxy/route/route_table.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http::HeaderId;

constexpr HeaderId kAsked[] = {HeaderId::x_envoy_retry_on,
                               HeaderId::x_envoy_retry_grpc_on,
                               HeaderId::x_envoy_max_retries,
                               HeaderId::x_envoy_retriable_status_codes,
                               HeaderId::x_envoy_retriable_header_names,
                               HeaderId::x_envoy_hedge_on_per_try_timeout,
                               HeaderId::x_envoy_upstream_alt_stat_name,
                               HeaderId::x_envoy_upstream_rq_timeout_alt_response};
constexpr http::HeaderSet kAskedSet{kAsked};

}  // namespace

void Router::on_headers(bool end_of_stream) {
  headers_in_ = true;
  headers_end_ = end_in_ = end_of_stream;
  const route::Route* const route = stream_.route();
  if (route == nullptr) {
    stream_.hcm().stats->no_route.add();
    LocalReply reply{404, {}, "route_not_found", {}, {}};
    reply.flags.set(ResponseFlag::no_route_found);
    stream_.reply(reply);
    return;
  }
  if (const auto* const direct = std::get_if<route::DirectResponse>(&route->action)) {
    stream_.hcm().stats->rq_direct_response.add();
    reply_directly(*direct);
    return;
  }
  if (const auto* const to = std::get_if<route::RedirectAction>(&route->action)) {
    redirect(*to);
    return;
  }
  forward(std::get<route::ForwardAction>(route->action));
}

void Router::reply_directly(const route::DirectResponse& direct) {
  LocalReply reply{direct.status, direct.body, "direct_response", {}, {}};
  if (direct.status == 201 || direct.status / 100 == 3) {
    const http::HeaderMap& headers = stream_.request_headers();
    std::string here(headers.get(HeaderId::scheme));
    here += "://";
    here += headers.get(HeaderId::authority);
    here += headers.get(HeaderId::path);
    reply.headers.emplace_back("location", std::move(here));
  }
  stream_.reply(reply);
}

void Router::redirect(const route::RedirectAction& action) {
  stream_.hcm().stats->rq_redirect.add();
  const http::HeaderMap& headers = stream_.request_headers();
  LocalReply reply{action.status, {}, "direct_response", {}, {}};
  reply.headers.emplace_back(
      "location",
      route::redirect_location(action, stream_.route()->match, headers.get(HeaderId::scheme),
                               headers.get(HeaderId::authority), headers.get(HeaderId::path)));
  stream_.reply(reply);
}

bool Router::choose_cluster() {
  pool_ = stream_.hcm().find_pool(stream_.target_cluster());
  if (pool_ != nullptr) pool_->cluster().retain();
  return pool_ != nullptr;
}

void Router::no_cluster(const route::ForwardAction& action) {
  stream_.hcm().stats->no_cluster.add();
  LocalReply reply{action.cluster_not_found_status, {}, "cluster_not_found", {}, {}};
  reply.flags.set(ResponseFlag::no_cluster_found);
  stream_.reply(reply);
}

void Router::forward(const route::ForwardAction& action) {
  action_ = &action;
  stream_.hcm().stats->rq_total.add();
  if (!choose_cluster()) {
    no_cluster(action);
    return;
  }
  stats_ = &pool_->cluster().stats().requests.get();
  if (action.priority == route::Priority::high) priority_ = upstream::LimitPriority::high;
  policy_ = action.retry != nullptr ? action.retry.get() : stream_.virtual_host()->retry.get();
  set_timeouts(action);
  set_retries();
  tell_upstream(true);
  stream_.apply_request_mutations(stream_.weighted_);
  rewrite(action);
  attempt();
}

void Router::set_timeouts(const route::ForwardAction& action) {
  http::HeaderMap& headers = stream_.request_headers();
  const Timeouts timeouts = request_timeouts(action, policy_, headers, stream_.is_grpc());
  timeout_ = timeouts.whole;
  try_timeout_ = timeouts.attempt;
  own_duration_ = timeouts.stream.has_value();
  if (own_duration_ && *timeouts.stream != kNoLimit)
    duration_deadline_ = stream_.begun_ + *timeouts.stream;
  // The upstream is to give up no later than we do.
  if (action.grpc_timeout_header_max && stream_.is_grpc()) {
    const auto common = stream_.hcm().config->common.max_stream_duration;
    const auto limit = timeouts.stream.value_or(common.count() > 0 ? common : kNoLimit);
    if (limit != kNoLimit) headers.set(HeaderId::grpc_timeout, grpc_timeout_text(limit));
  }
  headers.remove(HeaderId::x_envoy_upstream_rq_timeout_ms);
  headers.remove(HeaderId::x_envoy_upstream_rq_per_try_timeout_ms);
}

/// What a client inside asks for beyond conditions. Nothing of it goes to the upstream.
void Router::take_asked() {
  http::HeaderMap& headers = stream_.request_headers();
  http::Arena& arena = stream_.arena();
  asked_ = arena.make<Asked>();
  asked_->codes = arena.copy(headers.get(HeaderId::x_envoy_retriable_status_codes));
  asked_->headers = arena.copy(headers.get(HeaderId::x_envoy_retriable_header_names));
  asked_->alternative = headers.has(HeaderId::x_envoy_upstream_rq_timeout_alt_response);
  for (const HeaderId id : kAsked) headers.remove(id);
}

void Router::set_retries() {
  http::HeaderMap& headers = stream_.request_headers();
  retries_left_ = 1;
  if (policy_ != nullptr &&
      (policy_->request_headers.empty() ||
       std::any_of(policy_->request_headers.begin(), policy_->request_headers.end(),
                   [&](const auto& matcher) { return matcher.matches(headers); }))) {
    conditions_ = policy_->conditions;
    retries_left_ = policy_->retries;
  }
  if (const auto on = headers.get(HeaderId::x_envoy_retry_on); !on.empty())
    conditions_ |= route::parse_retry_on(on);
  if (const auto on = headers.get(HeaderId::x_envoy_retry_grpc_on); !on.empty())
    conditions_ |= route::parse_retry_grpc_on(on);
  if (const auto most = parse_header_number(headers.get(HeaderId::x_envoy_max_retries)))
    retries_left_ = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(*most, std::numeric_limits<std::uint32_t>::max()));
  if (headers.has_any(kAskedSet)) take_asked();
  if (conditions_ == 0) retries_left_ = 0;
}

void Router::rewrite(const route::ForwardAction& action) {
  http::HeaderMap& headers = stream_.request_headers();
  const bool envoy_headers = !stream_.hcm().config->suppress_envoy_headers;
  const std::string_view path = headers.get(HeaderId::path);
  std::string host = action.host_rewrite;
  const bool of_weighted = stream_.weighted_ != nullptr && !stream_.weighted_->host_rewrite.empty();
  if (of_weighted) headers.set(HeaderId::authority, stream_.weighted_->host_rewrite);
  if (host.empty() && !action.host_rewrite_header.empty())
    host = headers.get(std::string_view(action.host_rewrite_header));
  if (host.empty() && action.host_rewrite_path_regex) {
    const std::string_view without_query = path.substr(0, path.find('?'));
    host = route::replace_all(*action.host_rewrite_path_regex->pattern, without_query,
                              action.host_rewrite_path_regex->substitution);
  }
  if (!host.empty() && !of_weighted) rewrite_host(host);
  if (const auto to = route::rewritten_path(stream_.route()->match, action.rewrite, path)) {
    if (envoy_headers) headers.set(HeaderId::x_envoy_original_path, path);
    headers.set(HeaderId::path, *to);
  }
}

void Router::rewrite_host(std::string_view host) {
  http::HeaderMap& headers = stream_.request_headers();
  const std::string_view before = headers.get(HeaderId::authority);
  if (!stream_.hcm().config->suppress_envoy_headers)
    headers.set(HeaderId::x_envoy_original_host, before);
  if (action_->append_x_forwarded_host) headers.add(HeaderId::x_forwarded_host, before);
  headers.set(HeaderId::authority, host);
}

/// What the upstream is told about time and attempts. `first`: before the configuration's changes.
void Router::tell_upstream(bool first) {
  http::HeaderMap& headers = stream_.request_headers();
  const bool envoy_headers = !stream_.hcm().config->suppress_envoy_headers;
  const bool rewrites_grpc = action_->max_grpc_timeout && !action_->grpc_timeout_header_max;
  if (envoy_headers || rewrites_grpc) {
    std::chrono::milliseconds expected = try_timeout_.count() > 0 ? try_timeout_ : timeout_;
    if (!first && deadline_ != kNever && timeout_.count() > 0) {
      const auto rest =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - stream_.now());
      expected = std::max(std::min(expected, rest), std::chrono::milliseconds(1));
    }
    if (envoy_headers && expected == kDefaultTimeout)
      headers.set_static(HeaderId::x_envoy_expected_rq_timeout_ms, "15000");
    else if (envoy_headers && expected.count() > 0)
      headers.set(HeaderId::x_envoy_expected_rq_timeout_ms, std::to_string(expected.count()));
    if (rewrites_grpc && expected.count() > 0 && stream_.is_grpc())
      headers.set(HeaderId::grpc_timeout, grpc_timeout_text(expected));
  }
  if (stream_.virtual_host()->include_request_attempt_count)
    headers.set(HeaderId::x_envoy_attempt_count, std::to_string(first ? 1 : attempts_));
}

}  // namespace weir::filters
