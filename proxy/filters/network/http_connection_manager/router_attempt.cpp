// SPDX-License-Identifier: Apache-2.0
// Router: an attempt: a host, a connection, and what is sent on it at once.
#include <algorithm>

#include "proxy/filters/http/support.hpp"
#include "proxy/filters/network/http_connection_manager/reset_text.hpp"
#include "proxy/filters/network/http_connection_manager/router.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http_client::ResetReason;

}  // namespace

std::optional<OriginalDestination> Router::destination() const {
  const config::ClusterConfig& config = pool_->cluster().config();
  if (config.use_original_dst_header) {
    const std::string_view header =
        stream_.request_headers().get(std::string_view(config.original_dst_header));
    if (!header.empty()) {
      const auto endpoint = Endpoint::parse(header);
      if (endpoint) return OriginalDestination{*endpoint};
      pool_->cluster().stats().original_dst_host_invalid.add();
    }
  }
  if (!stream_.facts().restored) return std::nullopt;
  return stream_.facts().destination;
}

std::shared_ptr<const upstream::Host> Router::pick(tcp::EndReason& failure) {
  upstream::WorkerCluster& cluster = pool_->cluster();
  const bool avoid = policy_ != nullptr && policy_->avoid_previous_hosts && !tried_.empty();
  auto result = avoid ? cluster.pick_untried(destination(), stream_.worker().random, tried_,
                                             std::max(policy_->host_selection_attempts, 1u))
                      : cluster.pick(destination(), stream_.worker().random, nullptr);
  failure = result.failure;
  return std::move(result.host);
}

void Router::attempt() {
  ++attempts_;
  failure_.clear();
  retrying_ = false;
  retry_at_ = kNever;
  tcp::EndReason why{};
  auto host = pick(why);
  if (host == nullptr) {
    LocalReply reply{503, "no healthy upstream", "no_healthy_upstream", {}, {}};
    reply.flags.set(ResponseFlag::no_healthy_upstream);
    finished();
    stats_->count_response(stats::ResponseOrigin::external, 503);
    stream_.reply(reply);
    return;
  }
  const SessionFacts& facts = stream_.facts();
  http_client::RequestOptions options;
  options.origin = facts.loop_origin != nullptr
                       ? *facts.loop_origin
                       : upstream::LoopGuard::Origin{facts.listener->index, host->address};
  options.inherited_mark = facts.loop_origin != nullptr;
  options.http2 = stream_.session() != nullptr && stream_.session()->is_http2();
  const bool client_chose =
      pool_->cluster().config().discovery == config::DiscoveryType::original_dst;
  const bool loops =
      (client_chose && stream_.worker().loop_guard.is_own_listener(host->address)) ||
      (facts.loop_origin != nullptr &&
       *facts.loop_origin == upstream::LoopGuard::Origin{facts.listener->index, host->address});
  if (loops) {
    finished();
    stream_.reply({508, "the request would come back to this proxy", "loop_refused", {}, {}});
    return;
  }
  if (facts.keep_source != nullptr)
    options.source = upstream::ClientSource{facts.peer, facts.destination, *facts.keep_source};
  options.priority = priority_;
  if (!counted_) {
    auto place = pool_->cluster().take_request(priority_);
    if (!place) {
      stats_->upstream_rq_pending_overflow.add();
      failed_without_attempt();
      return;
    }
    request_use_ = std::move(*place);
    counted_ = true;
    stats_->upstream_rq_active[priority_index()].add();
  }
  host_ = std::move(host);
  if (policy_ != nullptr && policy_->avoid_previous_hosts) tried_.push_back(host_.get());
  stats_->upstream_rq_total.add();
  auto& host_stats = host_->stats[stream_.worker().worker];
  host_stats.rq_total.add();
  host_stats.rq_active.add();
  attempt_begun_ = stream_.now();
  std::string detail;
  if (const auto failed_at_once = pool_->request(host_, options, waiting_, *this, detail))
    failed(*failed_at_once, detail);
}

/// As many requests are under way as may be.
void Router::failed_without_attempt() {
  finished();
  stats_->count_response(stats::ResponseOrigin::external, 503);
  const std::string body = reset_body(reset_text(ResetReason::overflow), false);
  LocalReply reply{503,
                   body,
                   "upstream_reset_before_response_started{overflow}",
                   {{"x-envoy-overloaded", "true"}},
                   {}};
  reply.flags.set(ResponseFlag::upstream_overflow);
  stream_.reply(reply);
}

void Router::on_ready(http_client::Exchange& exchange) {
  exchange_ = &exchange;
  protocol_ = exchange.protocol();
  stream_.guarded([&] { send_request(); });
}

void Router::send_request() {
  http::HeaderMap& headers = stream_.request_headers();
  touch_attempt();
  if (attempts_ > 1) tell_upstream(false);
  if (action_->auto_host_rewrite && !host_->hostname.empty() && !host_rewritten_) {
    host_rewritten_ = true;
    rewrite_host(host_->hostname);
  }
  const bool has_body = body_ != nullptr && !body_->empty();
  const bool ends_here = headers_end_;
  exchange_->send_headers(headers, ends_here);
  if (exchange_ != nullptr && (has_body || (end_in_ && !headers_end_ && !trailers_in_)))
    exchange_->send_data(has_body ? std::string_view(*body_) : std::string_view(),
                         end_in_ && !trailers_in_);
  if (exchange_ != nullptr && trailers_in_) exchange_->send_trailers(*stream_.request_trailers());
  if (exchange_ == nullptr) return;
  if (end_in_) request_sent_ = stream_.now();
  if (retries_left_ == 0 && has_body) {
    replayable_ = false;
    body_.reset();
  }
  exchange_->flush();
  resume_client();
  begin_try_timeout();
}

}  // namespace weir::filters
