// SPDX-License-Identifier: Apache-2.0
// What an http_connection_manager filter is, after parsing: narrow types, no proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/ip.hpp"
#include "proxy/access_log/access_log_config.hpp"
#include "proxy/config/listener_config.hpp"
#include "proxy/http/protocol_options.hpp"
#include "proxy/route/route_table.hpp"

namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class HttpConnectionManager;
}
namespace weir::access_log {
class Format;
}
namespace weir::config {
class FilterRegistry;
class HttpFilterConfig;
class ParseContext;
}  // namespace weir::config

namespace weir::filters {

/// One entry of http_filters, without the router, which always ends the list.
struct HttpFilterEntry {
  std::string name;  // what typed_per_filter_config names
  std::shared_ptr<const config::HttpFilterConfig> filter;
  bool disabled = false;  // until a route enables it
};

/// local_reply_config: the body of replies that the proxy makes itself.
struct LocalReplyMapper {
  std::shared_ptr<const access_log::RecordFilter> filter;  // null: every reply
  std::optional<std::uint16_t> status;
  std::optional<std::string> body;                   // %LOCAL_REPLY_BODY% of the format
  std::shared_ptr<const access_log::Format> format;  // null: the configuration's
  std::string content_type;                          // "" = text/plain or application/json
  route::HeaderMutations headers;
};
struct LocalReplyConfig {
  std::vector<LocalReplyMapper> mappers;
  std::shared_ptr<const access_log::Format> format;  // null: the body as it is
  std::string content_type;
};

/// http_connection_manager.v3.HttpConnectionManager.
struct HcmConfig {
  enum class Codec : std::uint8_t { automatic, http1, http2 };
  enum class ServerHeader : std::uint8_t { overwrite, append_if_absent, pass_through };
  enum class EscapedSlashes : std::uint8_t { keep, reject, unescape_and_redirect, unescape };
  enum class ForwardClientCert : std::uint8_t { sanitize, forward_only, always_forward };
  using Milliseconds = std::chrono::milliseconds;  // 0 = none

  std::string stat_prefix;
  Codec codec = Codec::automatic;
  std::shared_ptr<const route::RouteTable> routes;  // null: rds
  std::optional<config::RouteTableRef> rds;
  std::vector<HttpFilterEntry> filters;
  std::vector<access_log::AccessLogConfig> access_logs;
  LocalReplyConfig local_replies;

  http::Http1Options http1;
  http::Http2Options http2;
  http::HttpOptions common;  // common_http_protocol_options; idle_timeout 1 h when not given
  std::uint32_t max_request_headers_kb = 60;

  Milliseconds stream_idle_timeout{std::chrono::minutes(5)};
  Milliseconds request_timeout{0};
  /// request_headers_timeout. Envoy's default is none; ours is not, against slow clients.
  Milliseconds request_headers_timeout{std::chrono::seconds(30)};
  Milliseconds drain_timeout{std::chrono::seconds(5)};
  Milliseconds delayed_close_timeout{std::chrono::seconds(1)};

  std::string server_name = "envoy";
  ServerHeader server_header = ServerHeader::overwrite;
  std::string via;
  bool add_user_agent = false;
  bool use_remote_address = false;
  bool skip_xff_append = false;
  std::uint32_t xff_trusted_hops = 0;
  bool generate_request_id = true;
  bool preserve_external_request_id = false;
  bool always_set_request_id_in_response = false;
  bool normalize_path = false;
  bool merge_slashes = false;
  EscapedSlashes escaped_slashes = EscapedSlashes::keep;
  bool strip_any_host_port = false;
  bool strip_matching_host_port = false;
  bool strip_trailing_host_dot = false;
  bool proxy_100_continue = false;
  bool stream_error_on_invalid_message = false;
  bool append_x_forwarded_port = false;
  /// internal_address_config: which clients are internal; nullopt = Envoy's default.
  std::optional<std::vector<CidrRange>> internal_addresses;
  ForwardClientCert forward_client_cert = ForwardClientCert::sanitize;
  /// Lower-case types that are accepted, and whether a route must name them.
  std::vector<std::pair<std::string, bool>> upgrades;

  bool suppress_envoy_headers = false;  // of the router

  /// Clusters that routes and filters name; perhaps more than once.
  [[nodiscard]] std::vector<std::string> cluster_names() const;
  /// An error for each cluster of a route that must exist and does not.
  [[nodiscard]] std::vector<std::string> check_clusters(const route::ClusterExists& exists) const;
};

/// Reports every problem through `context`; the result is meaningful only when there was none.
HcmConfig hcm_from_proto(
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager&
        proto,
    const config::FilterRegistry& registry, const config::ParseContext& context);

}  // namespace weir::filters
