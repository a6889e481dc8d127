// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/fault/fault.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "proxy/filters/http/fault/response_pace.hpp"
#include "proxy/filters/http/support.hpp"
#include "proxy/io/event_loop.hpp"

namespace weir::filters {
namespace {

using http::HeaderId;
using http::HeaderMap;
using std::chrono::milliseconds;

struct FaultInstance final : HttpFilterInstance {
  FaultInstance(HttpInstanceContext& context, const FaultSettings& own,
                std::atomic<std::int64_t>& active)
      : name(context.name),
        settings(own),
        active_of_all(active),
        delays_injected(http_counter(context, "fault.delays_injected")),
        aborts_injected(http_counter(context, "fault.aborts_injected")),
        faults_overflow(http_counter(context, "fault.faults_overflow")),
        response_rl_injected(http_counter(context, "fault.response_rl_injected")),
        active_faults(context.network.stats.gauge(
            {"http", context.stat_prefix, "fault.active_faults"}, context.network.worker.worker)) {}
  HttpFilter* make(HttpStream& stream) override;

  std::string name;
  const FaultSettings& settings;
  std::atomic<std::int64_t>& active_of_all;
  stats::Counter& delays_injected;
  stats::Counter& aborts_injected;
  stats::Counter& faults_overflow;
  stats::Counter& response_rl_injected;
  stats::Gauge& active_faults;
};

/// The share that a header asks for instead, never more than the configured one.
route::Fraction share_of(const HeaderMap& headers, std::string_view header,
                         const route::Fraction& configured) {
  const auto asked = parse_header_number(headers.get(header));
  if (!asked) return configured;
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(*asked, configured.numerator)),
          configured.denominator};
}

/// What an abort answers with.
struct AbortStatus {
  std::uint16_t http = 200;
  std::optional<std::uint32_t> grpc;
};

std::optional<AbortStatus> abort_status(const FaultAbort& abort, const HeaderMap& headers) {
  switch (abort.kind) {
    case FaultAbort::Kind::http:
      return AbortStatus{static_cast<std::uint16_t>(abort.status), std::nullopt};
    case FaultAbort::Kind::grpc:
      return AbortStatus{200, abort.status};
    case FaultAbort::Kind::header:
      break;
  }
  const auto http = parse_header_number(headers.get("x-envoy-fault-abort-request"));
  if (http && *http >= 200 && *http < 600)
    return AbortStatus{static_cast<std::uint16_t>(*http), std::nullopt};
  const auto grpc = parse_header_number(headers.get("x-envoy-fault-abort-grpc-request"));
  if (grpc && *grpc <= UINT32_MAX) return AbortStatus{200, static_cast<std::uint32_t>(*grpc)};
  return std::nullopt;
}

class FaultFilter final : public HttpFilter, private io::TimerHandler {
 public:
  FaultFilter(FaultInstance& instance, HttpStream& stream)
      : instance_(instance), stream_(stream), timer_(*this) {}

  FilterStatus on_request_headers(HeaderMap& headers, bool) override {
    const auto* of_route = route_config_of<RouteFault>(stream_, instance_.name);
    settings_ = of_route != nullptr ? &of_route->settings : &instance_.settings;
    if (is_full()) {
      instance_.faults_overflow.add();
      return FilterStatus::go_on;
    }
    if (!concerns(headers)) return FilterStatus::go_on;
    decide_pace(headers);
    if (const milliseconds delay = decide_delay(headers); delay.count() > 0) {
      become_active();
      instance_.delays_injected.add();
      stream_.add_flag(access_log::ResponseFlag::delay_injected);
      delaying_ = true;
      stream_.worker().loop.arm(timer_, delay);
      return FilterStatus::pause;
    }
    return abort_if_wanted() ? FilterStatus::ended : FilterStatus::go_on;
  }

  FilterStatus on_response_data(BodyPiece& piece, bool) override {
    if (!pace_) return FilterStatus::go_on;
    io::EventLoop& loop = stream_.worker().loop;
    const auto wait =
        std::chrono::ceil<milliseconds>(pace_->wait_for(piece.bytes.size(), loop.now()));
    if (wait.count() == 0) return FilterStatus::go_on;
    loop.arm(timer_, wait);
    return FilterStatus::pause;
  }

  void on_end() override {
    timer_.disarm();
    if (!active_) return;
    instance_.active_faults.sub();
    instance_.active_of_all.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  void on_timer() override {
    if (!std::exchange(delaying_, false)) return stream_.resume_response(*this);
    if (!abort_if_wanted()) stream_.resume_request(*this);
  }

  [[nodiscard]] bool is_full() const {
    return settings_->max_active_faults &&
           instance_.active_of_all.load(std::memory_order_relaxed) >=
               static_cast<std::int64_t>(*settings_->max_active_faults);
  }

  [[nodiscard]] bool concerns(const HeaderMap& headers) {
    if (!settings_->upstream_cluster.empty() && settings_->upstream_cluster != cluster())
      return false;
    const auto& nodes = settings_->downstream_nodes;
    if (!nodes.empty() &&
        std::find(nodes.begin(), nodes.end(),
                  headers.get(HeaderId::x_envoy_downstream_service_node)) == nodes.end())
      return false;
    return route::all_match(settings_->headers, headers);
  }

  /// Where the request is going.
  [[nodiscard]] std::string_view cluster() {
    return stream_.route() == nullptr ? std::string_view() : stream_.upstream_cluster();
  }

  [[nodiscard]] bool falls_to(const route::Fraction& share) {
    return share.holds(stream_.worker().random.next());
  }

  void decide_pace(const HeaderMap& headers) {
    const auto& limit = settings_->response_rate_limit;
    if (!limit) return;
    const auto kbps = limit->kbps
                          ? limit->kbps
                          : parse_header_number(headers.get("x-envoy-fault-throughput-response"));
    if (!kbps || *kbps == 0) return;
    const route::Fraction share =
        limit->kbps
            ? limit->share
            : share_of(headers, "x-envoy-fault-throughput-response-percentage", limit->share);
    if (!falls_to(share)) return;
    become_active();
    instance_.response_rl_injected.add();
    pace_.emplace(*kbps);
  }

  /// 0: none.
  [[nodiscard]] milliseconds decide_delay(const HeaderMap& headers) {
    const auto& delay = settings_->delay;
    if (!delay) return {};
    const route::Fraction share =
        delay->fixed ? delay->share
                     : share_of(headers, "x-envoy-fault-delay-request-percentage", delay->share);
    if (!falls_to(share)) return {};
    if (delay->fixed) return *delay->fixed;
    const auto asked = parse_header_number(headers.get("x-envoy-fault-delay-request"));
    return asked ? milliseconds(std::min<std::uint64_t>(*asked, kMostDelay)) : milliseconds(0);
  }

  bool abort_if_wanted() {
    const auto& abort = settings_->abort;
    if (!abort) return false;
    const HeaderMap& headers = stream_.request_headers();
    const route::Fraction share =
        abort->kind == FaultAbort::Kind::header
            ? share_of(headers, "x-envoy-fault-abort-request-percentage", abort->share)
            : abort->share;
    if (!falls_to(share)) return false;
    const auto status = abort_status(*abort, headers);
    if (!status) return false;
    become_active();
    instance_.aborts_injected.add();
    pace_.reset();  // the reply goes at once
    LocalReply reply;
    reply.status = status->http;
    reply.grpc_status = status->grpc;
    reply.body = abort->body;
    reply.details = "fault_filter_abort";
    reply.flags.set(access_log::ResponseFlag::fault_injected);
    stream_.reply(reply);
    return true;
  }

  void become_active() {
    if (std::exchange(active_, true)) return;
    instance_.active_faults.add();
    instance_.active_of_all.fetch_add(1, std::memory_order_relaxed);
  }

  static constexpr std::uint64_t kMostDelay = std::uint64_t{1} << 40;  // the wheel cuts it anyway

  FaultInstance& instance_;
  HttpStream& stream_;
  io::Timer timer_;  // of the delay, then of the pieces of the response
  const FaultSettings* settings_ = nullptr;
  std::optional<ResponsePace> pace_;
  bool delaying_ = false;
  bool active_ = false;
};

HttpFilter* FaultInstance::make(HttpStream& stream) {
  return stream.arena().make<FaultFilter>(*this, stream);
}

}  // namespace

std::unique_ptr<HttpFilterInstance> FaultFactory::instantiate(HttpInstanceContext& context) const {
  return std::make_unique<FaultInstance>(context, settings_, active_);
}

}  // namespace weir::filters
