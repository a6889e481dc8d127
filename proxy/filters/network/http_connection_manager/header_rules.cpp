// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/header_rules.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "proxy/filters/network/http_connection_manager/path_rules.hpp"
#include "proxy/http/http1/head_parser.hpp"

namespace weir::filters {
namespace {

using http::HeaderId;
using http::HeaderMap;

// What only clients inside may say.
constexpr HeaderId kTrusted[] = {
    HeaderId::x_envoy_retriable_status_codes,
    HeaderId::x_envoy_retriable_header_names,
    HeaderId::x_envoy_retry_on,
    HeaderId::x_envoy_retry_grpc_on,
    HeaderId::x_envoy_max_retries,
    HeaderId::x_envoy_upstream_alt_stat_name,
    HeaderId::x_envoy_upstream_rq_timeout_ms,
    HeaderId::x_envoy_upstream_rq_per_try_timeout_ms,
    HeaderId::x_envoy_upstream_rq_timeout_alt_response,
    HeaderId::x_envoy_expected_rq_timeout_ms,
    HeaderId::x_envoy_force_trace,
    HeaderId::x_envoy_ip_tags,
    HeaderId::x_envoy_original_url,
    HeaderId::x_envoy_hedge_on_per_try_timeout,
};
// What a client at the edge may not say either.
constexpr HeaderId kMeshOnly[] = {
    HeaderId::x_envoy_decorator_operation,     HeaderId::x_envoy_downstream_service_cluster,
    HeaderId::x_envoy_downstream_service_node, HeaderId::x_envoy_original_path,
    HeaderId::x_envoy_original_host,
};
constexpr std::string_view kStreamDuration = "x-envoy-upstream-stream-duration-ms";

constexpr http::HeaderSet kTrustedSet{kTrusted};
constexpr http::HeaderSet kMeshOnlySet{kMeshOnly};

/// "00" to "ff".
constexpr auto kHexPairs = [] {
  std::array<char, 512> pairs{};
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = kDigits[i / 16];
    pairs[2 * i + 1] = kDigits[i % 16];
  }
  return pairs;
}();

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The element of x-forwarded-for that `skip` trusted hops leave: counted from the end.
std::optional<IpAddress> forwarded_client(std::string_view list, std::uint32_t skip, bool& single) {
  single = list.find(',') == std::string_view::npos;
  for (std::uint32_t i = 0; i < skip; ++i) {
    const std::size_t comma = list.rfind(',');
    if (comma == std::string_view::npos) return std::nullopt;
    list = list.substr(0, comma);
  }
  const std::size_t comma = list.rfind(',');
  if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
  const auto address = IpAddress::parse(trimmed(list));
  if (!address) return std::nullopt;
  return *address;
}

void append_forwarded_for(HeaderMap& headers, const IpAddress& peer, const Endpoint& local) {
  // A client on this host: the address that it dialled says more than 127.0.0.1.
  const std::string address = peer.is_loopback() ? local.address.to_string() : peer.to_string();
  const std::string_view before = headers.get(HeaderId::x_forwarded_for);
  if (before.empty())
    headers.set(HeaderId::x_forwarded_for, address);
  else
    headers.set_static(HeaderId::x_forwarded_for,
                       headers.arena().join(headers.arena().join(before, ","), address));
}

void strip_hop_by_hop(HeaderMap& headers, bool upgrade) {
  if (!upgrade) {
    headers.remove(HeaderId::connection);
    headers.remove(HeaderId::upgrade);
  }
  headers.remove(HeaderId::keep_alive);
  headers.remove(HeaderId::proxy_connection);
  headers.remove(HeaderId::transfer_encoding);
}

/// What proxies append as lines of their own is one list: its last element is what counts.
void join_lists(HeaderMap& headers) {
  constexpr HeaderId kLists[] = {HeaderId::x_forwarded_for, HeaderId::x_forwarded_proto,
                                 HeaderId::via, HeaderId::te};
  if (!headers.has_any(http::HeaderSet{kLists})) return;
  for (const HeaderId id : kLists)
    if (headers.has(id)) headers.set_static(id, headers.joined(http::header_name(id)));
}

void set_request_id(const HcmConfig& config, HeaderMap& headers, bool edge,
                    upstream::Random& random) {
  if (!config.generate_request_id) return;
  const bool keep = !headers.get(HeaderId::x_request_id).empty() &&
                    (!edge || config.preserve_external_request_id);
  if (keep) return;
  char* const id = static_cast<char*>(headers.arena().allocate(37, 1));
  write_uuid(id, random);
  headers.set_static(HeaderId::x_request_id, {id, 36});
}

/// Neither a fragment nor who asks may be told (RFC 9110 §10.1.3).
bool is_good_referer(std::string_view referer) {
  for (const char c : referer)
    if (c <= ' ' || c == 0x7f || c == '#' || static_cast<unsigned char>(c) >= 0x80) return false;
  const std::size_t slashes = referer.find("://");
  if (slashes != std::string_view::npos) {
    const auto in_scheme = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '+' || c == '-' || c == '.';
    };
    if (!std::all_of(referer.begin(), referer.begin() + static_cast<std::ptrdiff_t>(slashes),
                     in_scheme))
      return false;
    const std::string_view rest = referer.substr(slashes + 3);
    return rest.substr(0, rest.find('/')).find('@') == std::string_view::npos;
  }
  return referer.find(':') >= referer.find('/');
}

void check_referer(HeaderMap& headers) {
  const std::string_view referer = headers.get(HeaderId::referer);
  if (!referer.empty() && !is_good_referer(referer)) headers.remove(HeaderId::referer);
}

/// Nobody is inside unless the configuration says who is.
bool is_inside(const HcmConfig& config, const IpAddress& address) {
  return config.internal_addresses &&
         std::any_of(config.internal_addresses->begin(), config.internal_addresses->end(),
                     [&](const CidrRange& range) { return range.contains(address); });
}

ClientFacts settle_client(const HcmConfig& config, HeaderMap& headers,
                          const DownstreamAddress& peer, const Endpoint& local) {
  ClientFacts facts{peer, false};
  const std::string_view before = headers.get(HeaderId::x_forwarded_for);
  if (config.use_remote_address) {
    bool single = false;
    // The peer itself stands for the first trusted hop; what it claims counts only with more.
    if (config.xff_trusted_hops > 0) {
      if (const auto client = forwarded_client(before, config.xff_trusted_hops - 1, single))
        facts.remote = {Endpoint{*client, 0}};
    }
    facts.internal =
        !headers.has(HeaderId::x_forwarded_for) && is_inside(config, facts.remote.endpoint.address);
    if (!config.skip_xff_append) append_forwarded_for(headers, peer.endpoint.address, local);
    return facts;
  }
  if (before.empty()) return facts;
  bool single = false;
  if (const auto client = forwarded_client(before, config.xff_trusted_hops, single)) {
    facts.remote = {Endpoint{*client, 0}};
    facts.internal = single && is_inside(config, *client);
  }
  return facts;
}

void settle_scheme(const HcmConfig& config, HeaderMap& headers) {
  const std::string_view proto = headers.get(HeaderId::x_forwarded_proto);
  const bool valid = proto == "http" || proto == "https";
  if (config.use_remote_address && config.xff_trusted_hops == 0) {
    headers.set_static(HeaderId::x_forwarded_proto, "http");
    headers.set_static(HeaderId::scheme, "http");
    return;
  }
  if (proto.empty()) headers.set_static(HeaderId::x_forwarded_proto, "http");
  headers.set_static(HeaderId::scheme, valid ? proto : std::string_view("http"));
}

/// `only`: nothing but this port is taken off.
void strip_port(HeaderMap& headers, std::optional<std::uint16_t> only) {
  const std::string_view host = headers.get(HeaderId::authority);
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) return;
  if (only && host.substr(colon + 1) != std::to_string(*only)) return;
  headers.set_static(HeaderId::authority, host.substr(0, colon));
}

RequestRefusal check_path(const HcmConfig& config, HeaderMap& headers) {
  const std::string_view path = headers.get(HeaderId::path);
  if (path.empty()) return {404, "missing_path_rejected", {}, {}, false};
  if (path.front() != '/') return {404, "absolute_path_rejected", {}, {}, false};
  if (path.find('#') != std::string_view::npos)
    return {400, "path_normalization_failed", {}, {}, true};
  if (!config.normalize_path && !config.merge_slashes &&
      config.escaped_slashes == HcmConfig::EscapedSlashes::keep)
    return {};
  const PathResult result = normalized(config, path);
  if (!result.path.empty() && result.path != path) headers.set(HeaderId::path, result.path);
  if (result.status == PathResult::Status::refused)
    return {400, "path_normalization_failed", {}, {}, true};
  if (result.status == PathResult::Status::redirect)
    return {307, "path_normalization_failed", {}, headers.get(HeaderId::path), false};
  return {};
}

}  // namespace

void write_uuid(char* at, upstream::Random& random) {
  std::uint64_t high = random.next();
  std::uint64_t low = random.next();
  high = (high & ~std::uint64_t{0xf000}) | 0x4000;                     // version 4
  low = (low & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);  // variant 1
  const auto put = [](char* to, std::uint64_t bits, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) {
      std::memcpy(to, kHexPairs.data() + (bits >> (8 * i) & 0xff) * 2, 2);
      to += 2;
    }
  };
  put(at, high >> 32, 4);
  at[8] = '-';
  put(at + 9, high >> 16, 2);
  at[13] = '-';
  put(at + 14, high, 2);
  at[18] = '-';
  put(at + 19, low >> 48, 2);
  at[23] = '-';
  put(at + 24, low, 6);
  at[36] = '\0';
}

bool is_upgrade(const HeaderMap& headers) {
  return headers.has(HeaderId::upgrade) && headers.has(HeaderId::connection) &&
         http::has_token(headers.joined("connection"), "upgrade");
}

bool strip_connection_headers(HeaderMap& headers) {
  const http::HeaderField* const connection = headers.find(HeaderId::connection);
  if (connection == nullptr) return true;
  std::string_view list = headers.joined("connection");
  if (list == "keep-alive" || list == "close") return true;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string name(trimmed(list.substr(0, comma)));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (name.empty() || name == "close" || name == "keep-alive" || name == "upgrade" ||
        name == "http2-settings" || name == "content-length" || name == "transfer-encoding")
      continue;
    if (name.front() == ':' || name == "x-forwarded-for" || name == "x-forwarded-host" ||
        name == "x-forwarded-proto")
      return false;
    if (name == "host") {
      headers.remove(HeaderId::authority);
      continue;
    }
    if (name == "te" && http::equals_ignoring_case(headers.joined("te"), "trailers")) continue;
    headers.remove(std::string_view(name));
  }
  return true;
}

RequestRefusal check_request(const HcmConfig& config, HeaderMap& headers,
                             std::uint16_t local_port) {
  if (!headers.has(HeaderId::authority)) return {400, "missing_host_header", {}, {}, true};
  if (config.strip_any_host_port) strip_port(headers, std::nullopt);
  if (config.strip_matching_host_port) strip_port(headers, local_port);
  if (config.strip_trailing_host_dot) {
    const std::string_view host = headers.get(HeaderId::authority);
    if (host.size() > 1 && host.back() == '.')
      headers.set_static(HeaderId::authority, host.substr(0, host.size() - 1));
  }
  const std::string_view method = headers.get(HeaderId::method);
  if (method == "CONNECT" && !headers.has(HeaderId::path)) return {};
  if (method == "QUERY" && !headers.has(HeaderId::content_type))
    return {400, "query_missing_content_type", {}, {}, true};
  return check_path(config, headers);
}

ClientFacts mutate_request(const HcmConfig& config, HeaderMap& headers,
                           const DownstreamAddress& peer, const Endpoint& local, bool upgrade,
                           upstream::Random& random) {
  strip_hop_by_hop(headers, upgrade);
  join_lists(headers);
  headers.remove(HeaderId::x_envoy_internal);
  if (headers.has(HeaderId::te) &&
      !http::equals_ignoring_case(headers.get(HeaderId::te), "trailers"))
    headers.remove(HeaderId::te);
  check_referer(headers);
  const ClientFacts facts = settle_client(config, headers, peer, local);
  settle_scheme(config, headers);
  if (config.append_x_forwarded_port)
    headers.set(HeaderId::x_forwarded_port, std::to_string(local.port));
  const bool edge = config.use_remote_address && !facts.internal;
  if (facts.internal) headers.set_static(HeaderId::x_envoy_internal, "true");
  if (!facts.internal && headers.has_any(kTrustedSet))
    for (const HeaderId id : kTrusted) headers.remove(id);
  headers.remove(kStreamDuration);
  if (edge && headers.has_any(kMeshOnlySet))
    for (const HeaderId id : kMeshOnly) headers.remove(id);
  if (config.add_user_agent) {
    // Of the proxy's own cluster, which has no name.
    headers.set_static(HeaderId::x_envoy_downstream_service_cluster, {});
    if (headers.get(HeaderId::user_agent).empty()) headers.set_static(HeaderId::user_agent, {});
  }
  if (edge) {
    headers.set(HeaderId::x_envoy_external_address, facts.remote.endpoint.address.to_string());
  }
  if (config.forward_client_cert == HcmConfig::ForwardClientCert::sanitize)
    headers.remove(HeaderId::x_forwarded_client_cert);
  if (!config.via.empty()) {
    const std::string_view before = headers.get(HeaderId::via);
    headers.set_static(HeaderId::via,
                       before.empty()
                           ? headers.arena().copy(config.via)
                           : headers.arena().join(headers.arena().join(before, ", "), config.via));
  }
  set_request_id(config, headers, edge, random);
  return facts;
}

void mutate_response(const HcmConfig& config, HeaderMap& headers, std::string_view date,
                     bool upgrade) {
  strip_hop_by_hop(headers, upgrade);
  using ServerHeader = HcmConfig::ServerHeader;
  if (!headers.has(HeaderId::date)) headers.add_static(HeaderId::date, date);
  const bool has_server = headers.has(HeaderId::server);
  if (config.server_header == ServerHeader::overwrite ||
      (config.server_header == ServerHeader::append_if_absent && !has_server))
    headers.set_static(HeaderId::server, config.server_name);
  if (!config.via.empty()) {
    const std::string_view before = headers.joined("via");
    headers.set_static(HeaderId::via,
                       before.empty()
                           ? std::string_view(config.via)
                           : headers.arena().join(headers.arena().join(before, ", "), config.via));
  }
}

}  // namespace weir::filters
