// SPDX-License-Identifier: Apache-2.0
// FakeHttpStream: one request and one response for one filter, and a record of all that the filter
// did with them.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/filters/http/filter.hpp"
#include "proxy/http/metadata.hpp"
#include "tests/unit/filters/fake_worker.hpp"

namespace weir::filters {

using HeaderPairs = std::vector<std::pair<std::string, std::string>>;

/// The fields that are there, in order, copied.
inline HeaderPairs header_pairs(const http::HeaderMap& headers) {
  HeaderPairs pairs;
  for (const http::HeaderField& field : headers.fields())
    if (!field.removed()) pairs.emplace_back(field.name, field.value);
  return pairs;
}
inline void add_all(http::HeaderMap& headers, const HeaderPairs& pairs) {
  for (const auto& [name, value] : pairs) headers.add(name, value);
}

/// What one direction has let through so far, and what it holds back.
struct FakeDirection {
  std::unique_ptr<http::HeaderMap> headers;
  std::unique_ptr<http::HeaderMap> trailers;
  bool headers_passed = false;
  std::string body;                 // passed on
  std::vector<std::string> pieces;  // the same, as it was passed on
  bool ended = false;               // the end was passed on
  bool trailers_passed = false;

  bool paused = false;      // until resume_*()
  bool collecting = false;  // need_body: until the end is there
  std::string held;         // data that the filter has not seen yet
  bool held_end = false;    // the end came while it waited
  bool received_trailers = false;
  std::optional<std::string> seen;  // data that the filter has seen and paused at
  bool seen_end = false;
  bool trailers_seen = false;
};

/// A copy of a LocalReply.
struct FakeReply {
  std::uint16_t status = 0;
  std::string body;
  std::string details;
  HeaderPairs headers;
  access_log::ResponseFlags flags;
  std::optional<std::uint32_t> grpc_status;
};

struct FakeCall {
  std::uint64_t ticket = 0;
  CallRequest request;
  CallHandler* handler = nullptr;
  bool cancelled = false;
};

/// Drives one filter as the connection manager does: `use()`, then request_*() and response_*() in
/// the order of the wire. Single thread. The members without underscore are the record, and what
/// the test may set before.
class FakeHttpStream final : public HttpStream {
 public:
  explicit FakeHttpStream(FakeWorker& worker) : fake_worker_(worker), arena_(worker.arenas) {
    info.peer.endpoint = *Endpoint::parse("198.51.100.7:40000");
    info.remote = info.peer;
    info.destination.endpoint = *Endpoint::parse("203.0.113.9:8080");
    info.protocol = "HTTP/1.1";
    info.connection_id = 1;
  }
  ~FakeHttpStream() { end(); }

  // What the world around is.
  ConnectionInfo info;
  const route::Route* chosen_route = nullptr;
  const route::VirtualHost* chosen_host = nullptr;
  /// Per name of a filter, the least specific first.
  std::map<std::string, std::vector<const config::RouteFilterConfig*>, std::less<>> route_filters;
  std::vector<std::string> clusters;
  std::string cluster;                                       // upstream_cluster()
  std::string host;                                          // upstream_host()
  std::map<std::string, ClusterHealth, std::less<>> health;  // of clusters that exist
  ConnectionNotes* notes_of_connection = &own_connection_;   // streams of one connection share one
  /// A reply of the filter goes through its own response callbacks, as in the connection manager.
  bool replies_pass_the_filter = true;

  // What happened.
  FakeDirection request;
  FakeDirection response;
  std::optional<FakeReply> replied;
  std::optional<std::string> reset_details;
  std::string details;
  access_log::ResponseFlags flags;
  http::Metadata notes;  // dynamic metadata
  std::vector<std::unique_ptr<FakeCall>> calls;
  int routes_cleared = 0;
  bool health_check = false;

  /// Makes the stream's filter. @return false: the instance says that this stream needs none.
  bool use(HttpFilterInstance& instance) {
    filter_ = instance.make(*this);
    return filter_ != nullptr;
  }
  [[nodiscard]] HttpFilter* filter() const noexcept { return filter_; }
  [[nodiscard]] bool over() const noexcept { return replied || reset_details; }

  // The request arrives.
  void send_request(const HeaderPairs& pairs, bool end_of_stream = true) {
    request.headers = make_map(pairs);
    if (filter_ == nullptr) return pass_headers(request, end_of_stream);
    after_headers(request, filter_->on_request_headers(*request.headers, end_of_stream),
                  end_of_stream);
  }
  void send_request_data(std::string_view bytes, bool end_of_stream = false) {
    on_data(request, bytes, end_of_stream);
  }
  void send_request_trailers(const HeaderPairs& pairs) { on_trailers(request, pairs); }
  /// GET of `path` from `authority`, with more headers.
  void get(std::string_view path = "/", const HeaderPairs& more = {},
           std::string_view authority = "www.example.com") {
    HeaderPairs pairs{{":method", "GET"},
                      {":scheme", "http"},
                      {":authority", std::string(authority)},
                      {":path", std::string(path)}};
    pairs.insert(pairs.end(), more.begin(), more.end());
    send_request(pairs);
  }

  // The upstream answers.
  void send_response(const HeaderPairs& pairs, bool end_of_stream = true) {
    response.headers = make_map(pairs);
    if (filter_ == nullptr) return pass_headers(response, end_of_stream);
    after_headers(response, filter_->on_response_headers(*response.headers, end_of_stream),
                  end_of_stream);
  }
  void send_response_data(std::string_view bytes, bool end_of_stream = false) {
    on_data(response, bytes, end_of_stream);
  }
  void send_response_trailers(const HeaderPairs& pairs) { on_trailers(response, pairs); }

  /// Answers a call of the filter's.
  void finish_call(std::size_t index, CallResponse response_of_call) {
    FakeCall& call = *calls.at(index);
    if (call.cancelled || call.handler == nullptr) return;
    call.cancelled = true;  // once
    call.handler->on_call_done(std::move(response_of_call));
  }

  /// The stream is over. Done by the destructor too.
  void end() {
    if (filter_ == nullptr) return;
    HttpFilter* const filter = std::exchange(filter_, nullptr);
    filter->on_end();
    filter->~HttpFilter();
  }

  // HttpStream.
  [[nodiscard]] http::HeaderMap& request_headers() override { return *request.headers; }
  [[nodiscard]] http::HeaderMap* request_trailers() override { return request.trailers.get(); }
  [[nodiscard]] http::HeaderMap* response_headers() override { return response.headers.get(); }
  [[nodiscard]] http::HeaderMap* response_trailers() override { return response.trailers.get(); }
  [[nodiscard]] const route::Route* route() override { return chosen_route; }
  [[nodiscard]] const route::VirtualHost* virtual_host() override { return chosen_host; }
  void clear_route() override { ++routes_cleared; }
  [[nodiscard]] const config::RouteFilterConfig* route_config(std::string_view name) override {
    const auto found = route_filters.find(name);
    return found == route_filters.end() || found->second.empty() ? nullptr : found->second.back();
  }
  void route_configs(std::string_view name,
                     std::vector<const config::RouteFilterConfig*>& out) override {
    const auto found = route_filters.find(name);
    if (found != route_filters.end()) out = found->second;
  }

  void reply(const LocalReply& reply) override {
    if (over()) return;  // a filter that replies twice is seen by the test that counts
    replied =
        FakeReply{reply.status, std::string(reply.body), std::string(reply.details), reply.headers,
                  reply.flags,  reply.grpc_status};
    flags.bits |= reply.flags.bits;
    details = reply.details;
    response = FakeDirection();
    HeaderPairs pairs{{":status", std::to_string(reply.status)}};
    if (!reply.body.empty()) {
      pairs.emplace_back("content-length", std::to_string(reply.body.size()));
      pairs.emplace_back("content-type", "text/plain");
    }
    pairs.insert(pairs.end(), reply.headers.begin(), reply.headers.end());
    response.headers = make_map(pairs);
    if (reply.mutations != nullptr) reply.mutations->apply(*response.headers, nullptr);
    if (replies_pass_the_filter && filter_ != nullptr)
      filter_->on_response_headers(*response.headers, reply.body.empty());
    response.headers_passed = response.ended = true;
    response.body = reply.body;
  }
  void resume_request(HttpFilter&) override { go_on(request); }
  void resume_response(HttpFilter&) override { go_on(response); }
  bool await_request_body(HttpFilter&) override { return await(request); }
  bool await_response_body(HttpFilter&) override { return await(response); }
  void reset(std::string_view why) override {
    if (!over()) reset_details = std::string(why);
  }

  std::uint64_t start_call(CallRequest&& call, CallHandler* handler) override {
    const bool known = has_cluster(call.cluster);
    auto made = std::make_unique<FakeCall>();
    made->ticket = known ? calls.size() + 1 : 0;
    made->request = std::move(call);
    made->handler = handler;
    calls.push_back(std::move(made));
    return calls.back()->ticket;
  }
  void cancel_call(std::uint64_t ticket) override {
    for (const auto& call : calls)
      if (call->ticket == ticket && ticket != 0) call->cancelled = true;
  }
  [[nodiscard]] bool has_cluster(std::string_view name) override {
    return std::find(clusters.begin(), clusters.end(), name) != clusters.end();
  }

  [[nodiscard]] std::optional<ClusterHealth> cluster_health(std::string_view name) override {
    const auto found = health.find(name);
    return found == health.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] const ConnectionInfo& connection() override { return info; }
  [[nodiscard]] ConnectionNotes& connection_notes() override { return *notes_of_connection; }
  [[nodiscard]] std::string_view upstream_cluster() override { return cluster; }
  [[nodiscard]] std::string upstream_host() override { return host; }
  void add_flag(access_log::ResponseFlag flag) override { flags.set(flag); }
  void set_details(std::string_view text) override { details = std::string(text); }
  void set_metadata(std::string_view space, std::string_view key, std::string value) override {
    notes.set(space, key, std::move(value));
  }
  [[nodiscard]] const std::string* metadata(std::string_view space, std::string_view key) override {
    return notes.find(space, key);
  }
  [[nodiscard]] const http::Metadata* all_metadata() override { return &notes; }
  void mark_health_check() override { health_check = true; }
  [[nodiscard]] http::Arena& arena() override { return arena_; }
  [[nodiscard]] WorkerContext& worker() override { return fake_worker_.context; }

 private:
  std::unique_ptr<http::HeaderMap> make_map(const HeaderPairs& pairs) {
    auto map = std::make_unique<http::HeaderMap>(arena_);
    add_all(*map, pairs);
    return map;
  }
  static void pass_headers(FakeDirection& way, bool end_of_stream) {
    way.headers_passed = true;
    if (end_of_stream) way.ended = true;
  }

  void after_headers(FakeDirection& way, FilterStatus status, bool end_of_stream) {
    if (status == FilterStatus::ended || over_for(way)) return;
    if (status == FilterStatus::go_on) return pass_headers(way, end_of_stream);
    way.held_end = end_of_stream;
    if (status == FilterStatus::need_body) {
      way.collecting = true;
      if (end_of_stream) go_on(way);
    } else {
      way.paused = true;
    }
  }

  void on_data(FakeDirection& way, std::string_view bytes, bool end_of_stream) {
    if (over_for(way)) return;
    if (way.paused || way.collecting) {
      way.held += bytes;
      way.held_end = end_of_stream;
      if (way.collecting && end_of_stream) go_on(way);
      return;
    }
    filter_data(way, bytes, end_of_stream);
  }

  void filter_data(FakeDirection& way, std::string_view bytes, bool end_of_stream) {
    BodyPiece piece;
    piece.bytes = bytes;
    FilterStatus status = FilterStatus::go_on;
    if (filter_ != nullptr) {
      status = &way == &request ? filter_->on_request_data(piece, end_of_stream)
                                : filter_->on_response_data(piece, end_of_stream);
    }
    if (status == FilterStatus::ended || over_for(way)) return;
    if (status == FilterStatus::pause) {  // the filter has seen this piece: it waits behind it
      way.paused = true;
      way.seen = std::string(piece.bytes);
      way.seen_end = end_of_stream;
      return;
    }
    pass_data(way, piece.bytes, end_of_stream);
  }

  static void pass_data(FakeDirection& way, std::string_view bytes, bool end_of_stream) {
    if (!bytes.empty()) way.pieces.emplace_back(bytes);
    way.body += bytes;
    if (end_of_stream) way.ended = true;
  }

  void on_trailers(FakeDirection& way, const HeaderPairs& pairs) {
    if (over_for(way)) return;
    way.trailers = make_map(pairs);
    way.received_trailers = true;
    if (way.collecting) return go_on(way);
    if (!way.paused) filter_trailers(way);
  }

  void filter_trailers(FakeDirection& way) {
    way.received_trailers = false;
    FilterStatus status = FilterStatus::go_on;
    if (filter_ != nullptr) {
      status = &way == &request ? filter_->on_request_trailers(*way.trailers)
                                : filter_->on_response_trailers(*way.trailers);
    }
    if (status == FilterStatus::ended || over_for(way)) return;
    if (status == FilterStatus::pause) {
      way.paused = way.trailers_seen = true;
      return;
    }
    way.trailers_passed = way.ended = true;
  }

  void go_on(FakeDirection& way) {
    if (over_for(way) || (!way.paused && !way.collecting)) return;
    way.paused = false;
    if (std::exchange(way.collecting, false)) {
      way.held_end = false;
      filter_data(way, std::exchange(way.held, {}), !way.received_trailers);
      way.headers_passed = !way.paused && !over_for(way);
    } else {
      pass_held(way);
    }
    if (way.paused || over_for(way)) return;
    if (std::exchange(way.trailers_seen, false))
      way.trailers_passed = way.ended = true;
    else if (way.received_trailers)
      filter_trailers(way);
  }

  bool await(FakeDirection& way) {
    if (over_for(way) || !way.paused || way.headers_passed) return false;
    if (way.seen) {
      way.held.insert(0, *std::exchange(way.seen, std::nullopt));
      way.held_end = std::exchange(way.seen_end, false) || way.held_end;
    }
    way.paused = false;
    way.collecting = true;
    if (way.held_end || way.received_trailers) go_on(way);
    return true;
  }

  void pass_held(FakeDirection& way) {
    const std::string held = std::exchange(way.held, {});
    const bool end = std::exchange(way.held_end, false);
    const bool first = !std::exchange(way.headers_passed, true);
    if (way.seen) {
      pass_data(way, *way.seen, std::exchange(way.seen_end, false));
      way.seen.reset();
    } else if (first && held.empty()) {
      way.ended = end;
      return;
    }
    if (!held.empty() || end) filter_data(way, held, end);
  }

  /// After a reply nothing of the request moves, and no response of an upstream comes.
  [[nodiscard]] bool over_for(const FakeDirection&) const noexcept { return over(); }

  FakeWorker& fake_worker_;
  ConnectionNotes own_connection_;
  http::Arena arena_;
  HttpFilter* filter_ = nullptr;
};

}  // namespace weir::filters
