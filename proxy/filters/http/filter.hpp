// SPDX-License-Identifier: Apache-2.0
// HttpFilter: what stands between the HTTP connection manager and the router. One folder each.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/access_log/response_flags.hpp"
#include "proxy/config/filter_registry.hpp"
#include "proxy/filters/filter.hpp"
#include "proxy/filters/http/connection_notes.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/http/metadata.hpp"
#include "proxy/route/route_config.hpp"

namespace weir::filters {

class HttpFilter;

/// An answer that a filter gives instead of the upstream. Envoy's local reply: content-length,
/// content-type (when there is a body), then `headers`, then what every response gets. Becomes a
/// gRPC status for gRPC requests.
struct LocalReply {
  std::uint16_t status = 500;
  std::string_view body;
  std::string_view details;  // %RESPONSE_CODE_DETAILS%; must live as long as the stream
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names
  access_log::ResponseFlags flags;
  /// Those that only the log tells, not what the configuration makes of the reply.
  access_log::ResponseFlags late_flags;
  /// Done to the headers before `headers`; lives as long as the stream.
  const route::HeaderMutations* mutations = nullptr;
  /// What a gRPC client gets; without it the status that belongs to the HTTP status.
  std::optional<std::uint32_t> grpc_status;
};

/// The answer to a call of a filter's own.
struct CallResponse {
  bool arrived = false;  // false: no cluster, no host, reset or timeout; :status is ours
  std::vector<std::pair<std::string, std::string>> headers;  // with :status
  std::string body;
};
class CallHandler {
 public:
  /// Once for each call that was not cancelled. Never from inside start_call().
  virtual void on_call_done(CallResponse&& response) = 0;

 protected:
  ~CallHandler() = default;
};
/// A request of a filter's own to a cluster: `headers` with :method, :path and :authority.
struct CallRequest {
  std::string cluster;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{0};  // 0 = none
};

/// Hosts of a cluster, as they are now.
struct ClusterHealth {
  std::uint64_t hosts = 0;
  std::uint64_t healthy = 0;
};

/// What is known of the connection that a stream came by.
struct ConnectionInfo {
  DownstreamAddress peer;           // the socket's peer
  DownstreamAddress remote;         // the client as XFF and use_remote_address say; port may be 0
  OriginalDestination destination;  // restored where it was
  std::string_view server_name;     // SNI
  std::string_view protocol;        // "HTTP/1.1", "HTTP/1.0", "HTTP/2"
  std::string_view filter_chain_name;
  std::uint64_t connection_id = 0;
  bool destination_restored = false;
};

/// One request and its response, as its filters see it. Worker thread only; lives until
/// HttpFilter::on_end of all its filters was called.
class HttpStream {
 public:
  [[nodiscard]] virtual http::HeaderMap& request_headers() = 0;
  /// nullptr while there are none.
  [[nodiscard]] virtual http::HeaderMap* request_trailers() = 0;
  [[nodiscard]] virtual http::HeaderMap* response_headers() = 0;
  [[nodiscard]] virtual http::HeaderMap* response_trailers() = 0;

  /// The route as it is known now, found on first use; nullptr: none matches.
  [[nodiscard]] virtual const route::Route* route() = 0;
  /// The virtual host of route(); nullptr: none.
  [[nodiscard]] virtual const route::VirtualHost* virtual_host() = 0;
  /// The request headers have changed so that another route may match.
  virtual void clear_route() = 0;
  /// The most specific configuration that the route has for the filter: weighted cluster, route,
  /// virtual host, route configuration; nullptr: none.
  [[nodiscard]] virtual const config::RouteFilterConfig* route_config(std::string_view filter) = 0;
  /// All of them, the least specific first.
  virtual void route_configs(std::string_view filter,
                             std::vector<const config::RouteFilterConfig*>& out) = 0;

  /// Ends the request with an answer of ours. From a request callback, or any time later before the
  /// response has begun. The stream may be gone when it returns: only return afterwards.
  virtual void reply(const LocalReply& reply) = 0;
  /// Goes on after FilterStatus::pause. The stream may be gone when it returns.
  virtual void resume_request(HttpFilter& filter) = 0;
  virtual void resume_response(HttpFilter& filter) = 0;
  /// Goes on after FilterStatus::pause as if the filter had answered need_body, while its headers
  /// are still here: on_*_data gets the whole body in one piece with end_of_stream, with what it
  /// has seen, and perhaps replaced, before. The stream may be gone when it returns true. @return
  /// false: cannot be done.
  virtual bool await_request_body(HttpFilter& /*filter*/) { return false; }
  virtual bool await_response_body(HttpFilter& /*filter*/) { return false; }
  /// Closes the stream (HTTP/2: RST_STREAM, HTTP/1: the connection). Gone when it returns.
  virtual void reset(std::string_view details) = 0;

  /// Sends a request to `request.cluster` on its own pools. @return a ticket for cancel_call(), 0
  /// when the cluster does not exist (the handler is called all the same, soon). A null handler
  /// wants no answer.
  virtual std::uint64_t start_call(CallRequest&& request, CallHandler* handler) = 0;
  virtual void cancel_call(std::uint64_t ticket) = 0;
  [[nodiscard]] virtual bool has_cluster(std::string_view name) = 0;
  /// nullopt: no such cluster.
  [[nodiscard]] virtual std::optional<ClusterHealth> cluster_health(std::string_view name) = 0;

  [[nodiscard]] virtual const ConnectionInfo& connection() = 0;
  [[nodiscard]] virtual ConnectionNotes& connection_notes() = 0;
  /// Where the request went, or goes by its route; "" when nothing is known yet.
  [[nodiscard]] virtual std::string_view upstream_cluster() = 0;
  [[nodiscard]] virtual std::string upstream_host() = 0;  // "" while none is chosen
  virtual void add_flag(access_log::ResponseFlag flag) = 0;
  virtual void set_details(std::string_view details) = 0;  // copied
  /// Dynamic metadata: a value in JSON-like text per filter namespace and key, for logs and Lua.
  virtual void set_metadata(std::string_view space, std::string_view key, std::string value) = 0;
  /// nullptr: never set.
  [[nodiscard]] virtual const std::string* metadata(std::string_view space,
                                                    std::string_view key) = 0;
  /// All of it; nullptr: cannot be listed.
  [[nodiscard]] virtual const http::Metadata* all_metadata() { return nullptr; }
  /// Leaves the stream out of the health-check counters and marks it for not_health_check_filter.
  virtual void mark_health_check() = 0;

  [[nodiscard]] virtual http::Arena& arena() = 0;
  [[nodiscard]] virtual WorkerContext& worker() = 0;

 protected:
  ~HttpStream() = default;
};

enum class FilterStatus : std::uint8_t {
  go_on,
  /// Nothing moves in this direction until resume_*(); what arrives meanwhile is held, up to the
  /// buffer limit, then the peer has to wait. Held data goes through this filter's on_*_data then.
  pause,
  /// Only from on_*_headers: headers wait until the whole body is there; on_*_data gets it in one
  /// piece with end_of_stream (before trailers, if any): an empty one when there is no body. More
  /// than the buffer limit: 413 to requests, 500 instead of responses.
  need_body,
  /// The filter has called reply() or reset(): touch nothing more.
  ended,
};

/// A piece of a body on its way through a filter. `bytes` is valid during the call.
struct BodyPiece {
  std::string_view bytes;
  /// Replaces the bytes: `text` must live until the callback's caller has sent it; use the arena,
  /// or `owned`.
  std::string owned;
  void replace(std::string text) {
    owned = std::move(text);
    bytes = owned;
  }
};

/// A filter of one stream, made in the stream's arena. Every callback has a harmless default.
class HttpFilter {
 public:
  virtual ~HttpFilter() = default;
  virtual FilterStatus on_request_headers(http::HeaderMap&, bool /*end_of_stream*/) {
    return FilterStatus::go_on;
  }
  virtual FilterStatus on_request_data(BodyPiece&, bool /*end_of_stream*/) {
    return FilterStatus::go_on;
  }
  virtual FilterStatus on_request_trailers(http::HeaderMap&) { return FilterStatus::go_on; }
  virtual FilterStatus on_response_headers(http::HeaderMap&, bool /*end_of_stream*/) {
    return FilterStatus::go_on;
  }
  virtual FilterStatus on_response_data(BodyPiece&, bool /*end_of_stream*/) {
    return FilterStatus::go_on;
  }
  virtual FilterStatus on_response_trailers(http::HeaderMap&) { return FilterStatus::go_on; }
  /// The stream is over, whatever the reason: cancel what is under way. The last call.
  virtual void on_end() {}
};

/// A filter on one worker: makes the filters of its streams.
class HttpFilterInstance {
 public:
  virtual ~HttpFilterInstance() = default;
  /// Built in stream.arena(); the stream calls the destructor. nullptr: this stream needs none.
  virtual HttpFilter* make(HttpStream& stream) = 0;
};

struct HttpInstanceContext {
  InstanceContext& network;
  std::string_view name;         // of the entry in http_filters
  std::string_view stat_prefix;  // of the connection manager
  /// node.cluster of the bootstrap. Lives as long as the instance.
  std::string_view service_cluster = {};
  /// Set while POST /healthcheck/fail is in force; nullptr: never. Lives as long as the instance.
  const std::atomic<bool>* health_check_failed = nullptr;
  /// The routes, so that statistics of theirs exist from the start; nullptr: not known yet.
  const route::RouteConfig* routes = nullptr;
};

/// What the registry's parse function of an HTTP filter returns. Immutable, shared by all workers.
class HttpFilterFactory : public config::HttpFilterConfig {
 public:
  /// `context` is valid during the call.
  [[nodiscard]] virtual std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const = 0;
};

}  // namespace weir::filters
