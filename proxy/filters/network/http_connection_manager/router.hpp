// SPDX-License-Identifier: Apache-2.0
// Router: takes a request to an upstream host: cluster, host, attempts, timeouts.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/access_log/response_flags.hpp"
#include "proxy/filters/network/http_connection_manager/body_relay.hpp"
#include "proxy/http_client/cluster_pool.hpp"
#include "proxy/route/route_config.hpp"
#include "proxy/stats/cluster_blocks.hpp"

namespace weir::filters {

class Stream;

/// The end of a stream's filters; a part of the stream. Worker thread only.
class Router final : http_client::ExchangeEvents, public BodyRelay::Owner {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time kNever = Time::max();

  /// What the request's headers ask for, of those that may.
  struct Asked {
    std::string_view codes;    // x-envoy-retriable-status-codes
    std::string_view headers;  // x-envoy-retriable-header-names
    bool alternative = false;  // x-envoy-upstream-rq-timeout-alt-response
  };

  explicit Router(Stream& stream) noexcept : stream_(stream) {}
  ~Router();

  void on_headers(bool end_of_stream);
  void on_data(std::string_view data, bool end_of_stream);
  void on_trailers();
  /// The last byte of the request has come from the client: timeouts begin.
  void on_request_complete();
  void flush();
  void on_response_drained();
  /// The request's body was taken over, and something of it can be read.
  void pump_request();
  /// A filter holds enough of the response, or no longer.
  void pause_response(bool paused);
  /// Gives everything up.
  void cancel();

  /// The connection manager's max_stream_duration does not count for this request.
  [[nodiscard]] bool has_own_duration() const noexcept { return own_duration_; }
  [[nodiscard]] Time duration_deadline() const noexcept { return duration_deadline_; }
  /// When it wants to be asked by on_time(); kNever: not at all.
  [[nodiscard]] Time next_time() const noexcept;
  /// Ends what has run out of time. The stream may be over afterwards.
  void on_time(Time now);

  // For the record of the stream.
  [[nodiscard]] const http_client::ClusterPool* pool() const noexcept { return pool_; }
  [[nodiscard]] const std::shared_ptr<const upstream::Host>& host() const noexcept { return host_; }
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }
  [[nodiscard]] std::string_view protocol() const noexcept { return protocol_; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] std::optional<Endpoint> local_address() const noexcept;
  [[nodiscard]] Time request_sent() const noexcept { return request_sent_; }
  /// What the statistics of the cluster count it by.
  [[nodiscard]] std::size_t priority_index() const noexcept {
    return static_cast<std::size_t>(priority_);
  }
  [[nodiscard]] Time response_begun() const noexcept { return response_begun_; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> idle_timeout() const noexcept;

 private:
  // ExchangeEvents
  void on_ready(http_client::Exchange& exchange) override;
  http::HeaderMap& response_map() override;
  void on_informational() override;
  void on_response_headers(std::uint16_t status, bool end_of_stream) override;
  void on_response_data(std::string_view data, bool end_of_stream) override;
  http::HeaderMap& trailers_map() override;
  void on_response_trailers() override;
  void on_reset(http_client::ResetReason reason, std::string_view detail) override;
  void on_request_drained() override;
  void on_batch_end() override;
  void pin() override;
  void unpin() override;
  void on_body_readable() override;
  void on_relay_turn(BodyRelay& relay) override;

  void forward(const route::ForwardAction& action);
  bool choose_cluster();
  void set_timeouts(const route::ForwardAction& action);
  void set_retries();
  void take_asked();
  void rewrite(const route::ForwardAction& action);
  void rewrite_host(std::string_view host);
  void tell_upstream(bool first);
  void redirect(const route::RedirectAction& action);
  void reply_directly(const route::DirectResponse& direct);
  void no_cluster(const route::ForwardAction& action);

  void attempt();
  void failed_without_attempt();
  /// A host that the retry policy has nothing against; null with the reason in `failure`.
  std::shared_ptr<const upstream::Host> pick(tcp::EndReason& failure);
  [[nodiscard]] std::optional<OriginalDestination> destination() const;
  void send_request();
  void keep_for_replay(std::string_view data);
  void pause_client();
  void resume_client();
  void update_response_pause();
  void failed(http_client::ResetReason reason, std::string_view detail);
  bool retry_after(std::uint32_t condition);
  bool may_retry_status(std::uint16_t status);
  void schedule_retry();
  bool replay_unseen(http_client::ResetReason reason);
  void give_up_exchange();
  /// Of the route, of the attempt, of an attempt on which nothing moves.
  enum class Timeout : std::uint8_t { whole, attempt, attempt_idle };
  void timed_out(Timeout which);
  /// Something has moved.
  void touch_attempt();
  void begin_try_timeout();
  void report_status(std::uint16_t status);
  void report_failure(http_client::ResetReason reason);
  void end_attempt();
  void finished();
  void relay_request();
  void relay_response();
  void pump_response();

  Stream& stream_;
  const route::ForwardAction* action_ = nullptr;
  const route::RetryPolicy* policy_ = nullptr;
  http_client::ClusterPool* pool_ = nullptr;
  stats::ClusterRequestStats* stats_ = nullptr;
  std::shared_ptr<const upstream::Host> host_;
  http_client::Waiting waiting_;
  http_client::Exchange* exchange_ = nullptr;
  http::HeaderMap* response_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;
  std::unique_ptr<BodyRelay> request_relay_;
  std::unique_ptr<BodyRelay> response_relay_;
  std::unique_ptr<std::string> body_;  // for a connection that is not there yet, or another attempt
  std::vector<const upstream::Host*> tried_;
  std::string failure_;
  Asked* asked_ = nullptr;
  std::string_view protocol_;
  std::optional<Endpoint> local_;
  std::chrono::milliseconds timeout_{0};
  std::chrono::milliseconds try_timeout_{0};
  Time deadline_ = kNever;  // of the route's timeout
  Time try_deadline_ = kNever;
  Time try_idle_deadline_ = kNever;
  Time duration_deadline_ = kNever;
  Time retry_at_ = kNever;
  Time request_sent_ = kNever;
  Time response_begun_ = kNever;
  Time attempt_begun_ = kNever;
  std::uint32_t conditions_ = 0;  // RetryOn bits
  std::uint32_t retries_left_ = 0;
  std::uint32_t retries_done_ = 0;
  std::uint32_t attempts_ = 0;
  std::uint8_t replays_ = 0;  // attempts that no host has seen
  upstream::LimitPriority priority_ = upstream::LimitPriority::normal;
  upstream::LimitUse request_use_;  // against max_requests
  upstream::LimitUse retry_use_;    // against max_retries
  bool headers_in_ : 1 = false;     // the stream has handed the headers over
  bool headers_end_ : 1 = false;    // nothing came or comes behind them
  bool end_in_ : 1 = false;         // and everything
  bool trailers_in_ : 1 = false;
  bool replayable_ : 1 = true;   // body_ holds all of the body so far
  bool forwarding_ : 1 = false;  // a response goes to the client
  bool counted_ : 1 = false;     // upstream_rq_active
  bool host_rewritten_ : 1 = false;
  bool paused_client_ : 1 = false;
  bool slow_client_ : 1 = false;      // it does not take the response as fast as it comes
  bool held_response_ : 1 = false;    // by a filter
  bool paused_response_ : 1 = false;  // one of the two
  bool retrying_ : 1 = false;
  bool own_duration_ : 1 = false;  // max_stream_duration is the route's or the client's
  bool done_ : 1 = false;
};

}  // namespace weir::filters
