// SPDX-License-Identifier: Apache-2.0
// Stream: one request and its response, between a session and the upstream.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/access_log/record.hpp"
#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/network/http_connection_manager/filter_call.hpp"
#include "proxy/filters/network/http_connection_manager/filter_walk.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_instance.hpp"
#include "proxy/filters/network/http_connection_manager/router.hpp"
#include "proxy/filters/network/http_connection_manager/stream_connection.hpp"
#include "proxy/http/arena.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/http/metadata.hpp"

namespace weir::filters {

/// What few streams have.
struct StreamExtras {
  http::Metadata metadata;
  ConnectionInfo connection;
  bool connection_known = false;
  std::string details;  // set_details()
  std::string local_reply_body;
  FilterCall::Calls calls;
};

/// Who cannot take more of a request. Bits.
enum class PauseReason : std::uint8_t { filter = 1, upstream = 2 };

/// Lives in a block of its worker, from the first byte of the request's head to the end of the
/// response. Its session feeds it; it ends by telling the session (StreamConnection::on_stream_end)
/// and then destroys itself, as soon as none of its own code is running. Worker thread only.
class Stream final : public HttpStream, io::TimerHandler {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time kNever = Time::max();

  Stream(HcmInstance& hcm, StreamConnection& connection);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // From the session. The maps are filled before the call that announces them.
  [[nodiscard]] http::HeaderMap& request_map() noexcept { return request_; }
  [[nodiscard]] http::HeaderMap& request_trailers_map();
  void set_protocol(std::string_view protocol) noexcept { protocol_ = protocol; }
  void on_request_headers(bool end_of_stream);
  void on_request_data(std::string_view data, bool end_of_stream);
  void on_request_trailers();
  /// Everything that has arrived was handed over: write out what came of it.
  void on_request_batch_end();
  /// What was sent to the client has left.
  void on_response_drained();
  /// The rest of the request's body is read elsewhere, and something of it is there.
  void on_body_readable();
  /// A request whose head is not whole or is no good: it is counted and logged, without headers.
  void begin_unread();
  /// A request that cannot be understood, or takes too long to come: answered, when nothing was
  /// answered yet, else reset.
  void refuse(std::uint16_t status, std::string_view body, std::string_view details,
              access_log::ResponseFlags flags, bool close);
  /// Too late: 408 while the request is not whole, else 504.
  void refuse_late(std::string_view body, std::string_view details,
                   access_log::ResponseFlags flags);
  /// The request's head began to come earlier than now, and nothing happened since.
  void begin_at(Time time);
  /// Answers when one of the connection manager's limits has been reached.
  void check_limits();
  /// The client has gone. The session is not to be touched any more.
  void on_client_gone(std::string_view details, access_log::ResponseFlag flag);

  // From the router.
  /// The upstream's response begins. `headers` belongs to this stream.
  void on_upstream_headers(http::HeaderMap& headers, std::uint16_t status, bool end_of_stream);
  void on_upstream_informational(http::HeaderMap& headers);
  void on_upstream_data(std::string_view data, bool end_of_stream);
  void on_upstream_trailers(http::HeaderMap& trailers);
  /// The upstream has failed after its response had begun.
  void on_upstream_broken(std::string_view details, std::optional<access_log::ResponseFlag> flag);
  void on_upstream_batch_end();
  /// The client must wait as long as there is a reason.
  void pause_request(PauseReason reason, bool paused);
  [[nodiscard]] bool response_congested() const;
  /// No filter is interested in bodies.
  [[nodiscard]] bool nobody_looks() const noexcept { return filter_count_ == 0; }
  void count_relayed(std::uint64_t received, std::uint64_t sent);
  void on_request_relayed();
  void on_response_relayed();
  void on_relay_client_gone();
  void arm_timer();

  // HttpStream
  [[nodiscard]] http::HeaderMap& request_headers() override { return request_; }
  [[nodiscard]] http::HeaderMap* request_trailers() override { return request_trailers_; }
  [[nodiscard]] http::HeaderMap* response_headers() override { return response_; }
  [[nodiscard]] http::HeaderMap* response_trailers() override { return response_trailers_; }
  [[nodiscard]] const route::Route* route() override;
  [[nodiscard]] const route::VirtualHost* virtual_host() override;
  void clear_route() override { route_known_ = false; }
  [[nodiscard]] const config::RouteFilterConfig* route_config(std::string_view filter) override;
  void route_configs(std::string_view filter,
                     std::vector<const config::RouteFilterConfig*>& out) override;
  void reply(const LocalReply& reply) override;
  void resume_request(HttpFilter& filter) override;
  void resume_response(HttpFilter& filter) override;
  bool await_request_body(HttpFilter& filter) override;
  bool await_response_body(HttpFilter& filter) override;
  void reset(std::string_view details) override;
  std::uint64_t start_call(CallRequest&& request, CallHandler* handler) override;
  void cancel_call(std::uint64_t ticket) override;
  [[nodiscard]] bool has_cluster(std::string_view name) override;
  [[nodiscard]] std::optional<ClusterHealth> cluster_health(std::string_view name) override;
  [[nodiscard]] const ConnectionInfo& connection() override;
  [[nodiscard]] ConnectionNotes& connection_notes() override;
  [[nodiscard]] std::string_view upstream_cluster() override;
  [[nodiscard]] std::string upstream_host() override;
  void add_flag(access_log::ResponseFlag flag) override { flags_.set(flag); }
  void set_details(std::string_view details) override;
  void set_metadata(std::string_view space, std::string_view key, std::string value) override;
  [[nodiscard]] const std::string* metadata(std::string_view space, std::string_view key) override;
  [[nodiscard]] const http::Metadata* all_metadata() override {
    return extras_ == nullptr ? nullptr : &extras_->metadata;
  }
  void mark_health_check() override { health_check_ = true; }
  [[nodiscard]] http::Arena& arena() override { return arena_; }
  [[nodiscard]] WorkerContext& worker() override { return *hcm_.worker; }

  // For the router and the parts of the stream that live in files of their own.
  [[nodiscard]] HcmInstance& hcm() noexcept { return hcm_; }
  [[nodiscard]] StreamConnection* session() noexcept { return connection_; }
  [[nodiscard]] bool over() const noexcept { return over_; }
  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool request_complete() const noexcept { return request_complete_; }
  [[nodiscard]] bool response_begun() const noexcept { return response_begun_; }
  [[nodiscard]] bool is_upgrade() const noexcept { return upgrade_; }
  [[nodiscard]] bool is_grpc() const;
  [[nodiscard]] std::uint64_t random_value() const noexcept { return random_value_; }
  [[nodiscard]] const SessionFacts& facts() const { return *facts_; }
  [[nodiscard]] Time now() const;
  [[nodiscard]] bool retry_or_shadow_possible() const noexcept { return !response_begun_; }
  /// A record of the stream as it is now.
  void fill_record(access_log::Record& record, access_log::HttpRecord& http);
  /// Header mutations of the configuration, on one side. Route first, then outward.
  void apply_request_mutations(const route::WeightedCluster* weighted);
  void apply_response_mutations();
  /// The cluster that the route, as it is known now, leads to; "" when it does not forward.
  [[nodiscard]] std::string_view target_cluster() const;
  void finish_call(std::uint64_t ticket);
  /// Runs `call`; the stream is not destroyed before it returns.
  template <class Call>
  void guarded(Call&& call) {
    ++depth_;
    call();
    if (--depth_ == 0 && over_ && pins_ == 0) destroy();
  }
  /// Somebody still uses the header maps: the stream stays until unpin(), even when it is over.
  void pin() noexcept { ++pins_; }
  void unpin() {
    --pins_;
    guarded([] {});
  }
  /// The client has given the stream up; its session is still there.
  void on_client_reset(std::string_view details, access_log::ResponseFlags flags);

 private:
  friend class Router;
  template <std::size_t>
  friend class io::BlockPool;
  ~Stream();

  struct RequestSide {
    Stream& stream;
    FilterStatus headers(HttpFilter& filter, bool end);
    FilterStatus data(HttpFilter& filter, BodyPiece& piece, bool end);
    FilterStatus trailers(HttpFilter& filter);
    void out_headers(bool end);
    void out_data(std::string_view bytes, bool end);
    void out_trailers();
    [[nodiscard]] bool over() const;
    [[nodiscard]] std::size_t buffer_limit() const;
    void too_large();
    void hold_peer(bool held);
  };
  struct ResponseSide {
    Stream& stream;
    FilterStatus headers(HttpFilter& filter, bool end);
    FilterStatus data(HttpFilter& filter, BodyPiece& piece, bool end);
    FilterStatus trailers(HttpFilter& filter);
    void out_headers(bool end);
    void out_data(std::string_view bytes, bool end);
    void out_trailers();
    [[nodiscard]] bool over() const { return stream.over_; }
    [[nodiscard]] std::size_t buffer_limit() const;
    void too_large();
    void hold_peer(bool held);
  };

  void on_timer() override;
  [[nodiscard]] std::chrono::milliseconds longest_duration() const;
  void begin_request(bool end_of_stream);
  bool check_upgrade(bool has_body);
  void make_filters();
  void find_route();
  /// The route of a virtual host that takes nothing without TLS; nullptr: it takes this.
  [[nodiscard]] const route::Route* tls_redirect() const;
  [[nodiscard]] const route::WeightedCluster* choose_weighted(
      const route::ForwardAction& action) const;
  void begin_response(http::HeaderMap& headers, std::uint16_t status, bool end_of_stream);
  void send_response_data(std::string_view bytes, bool end_of_stream);
  void map_local_reply(LocalReply& reply, std::uint16_t& status, std::string& body,
                       std::string& content_type, http::HeaderMap& headers);
  void reply_grpc(const LocalReply& reply);
  void apply(std::span<const route::HeaderMutations*> levels, http::HeaderMap& headers);
  void end(bool whole);
  void write_log();
  void count_response();
  void destroy();
  StreamExtras& extras();

  HcmInstance& hcm_;
  StreamConnection* connection_;  // null once the client is gone
  const SessionFacts* facts_;
  RouteTablePin routes_;  // outlives whoever points into it
  http::Arena arena_;
  http::HeaderMap request_{arena_};
  http::HeaderMap* request_trailers_ = nullptr;
  http::HeaderMap* response_ = nullptr;
  http::HeaderMap* response_trailers_ = nullptr;
  RequestSide request_side_{*this};
  ResponseSide response_side_{*this};
  FilterWalk<RequestSide> request_walk_{request_side_};
  FilterWalk<ResponseSide> response_walk_{response_side_};
  HttpFilter** filters_ = nullptr;
  std::size_t filter_count_ = 0;
  Router router_{*this};
  std::unique_ptr<StreamExtras> extras_;
  io::Timer timer_{*this};

  const route::VirtualHost* virtual_host_ = nullptr;
  const route::Route* route_ = nullptr;
  const route::WeightedCluster* weighted_ = nullptr;
  std::uint64_t random_value_ = 0;
  DownstreamAddress remote_;
  std::string_view protocol_ = "HTTP/1.1";
  std::string_view details_;
  access_log::ResponseFlags flags_;
  std::chrono::system_clock::time_point start_;
  Time begun_;
  Time last_activity_;
  Time request_received_ = kNever;  // its last byte
  Time response_sent_begun_ = kNever;
  Time armed_for_ = kNever;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint16_t status_ = 0;
  std::uint16_t depth_ = 0;
  std::uint16_t pins_ = 0;
  std::uint8_t pause_reasons_ = 0;  // PauseReason bits
  bool internal_ : 1 = false;
  bool upgrade_ : 1 = false;
  bool tunnel_ : 1 = false;  // a 101 went to the client
  bool route_known_ : 1 = false;
  bool request_complete_ : 1 = false;
  bool response_begun_ : 1 = false;  // headers went into the filters
  bool response_sent_ : 1 = false;   // headers went to the client
  bool response_complete_ : 1 = false;
  bool local_reply_ : 1 = false;
  bool health_check_ : 1 = false;
  bool over_ : 1 = false;
  bool told_ : 1 = false;
  bool started_ : 1 = false;  // counted
};

}  // namespace weir::filters
