// SPDX-License-Identifier: Apache-2.0
// What the connection manager does to paths and headers: normal paths stay normal, and no rule
// makes a second Host, a line end or a hop-by-hop header.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/filters/network/http_connection_manager/header_rules.hpp"
#include "proxy/filters/network/http_connection_manager/path_rules.hpp"
#include "proxy/http/http1/head_parser.hpp"

namespace {

using namespace weir;
using namespace weir::filters;
using http::HeaderId;

void require(bool condition) {
  if (!condition) std::abort();
}

HcmConfig config_of(std::uint8_t a, std::uint8_t b) {
  HcmConfig config;
  config.normalize_path = (a & 1) != 0;
  config.merge_slashes = (a & 2) != 0;
  config.escaped_slashes = static_cast<HcmConfig::EscapedSlashes>(a >> 2 & 3);
  config.use_remote_address = (a & 16) != 0;
  config.skip_xff_append = (a & 32) != 0;
  config.generate_request_id = (a & 128) != 0;
  config.xff_trusted_hops = b & 3;
  config.append_x_forwarded_port = (b & 4) != 0;
  config.strip_any_host_port = (b & 8) != 0;
  config.strip_trailing_host_dot = (b & 16) != 0;
  if ((b & 32) != 0) config.via = "weir";
  config.preserve_external_request_id = (b & 64) != 0;
  return config;
}

void check_path(const HcmConfig& config, std::string_view path) {
  const PathResult once = normalized(config, path);
  if (once.status == PathResult::Status::refused) return;
  require(!once.path.empty() && once.path.front() == '/');
  const std::size_t query = std::min(path.find('?'), path.size());
  require(once.path.ends_with(path.substr(query)));
  const std::string_view plain =
      std::string_view(once.path).substr(0, once.path.size() - (path.size() - query));
  // A path of slashes alone keeps two.
  if (config.merge_slashes) require(plain == "//" || plain.find("//") == std::string_view::npos);
  if (config.normalize_path) {
    require(plain.find("/./") == std::string_view::npos &&
            plain.find("/../") == std::string_view::npos);
    require(!plain.ends_with("/.") && !plain.ends_with("/.."));
    require(plain.find('\\') == std::string_view::npos);
    // What is normal stays as it is.
    const PathResult twice = normalized(config, once.path);
    require(twice.status == PathResult::Status::as_is && twice.path == once.path);
  }
}

void check_headers(const http::HeaderMap& headers, bool upgrade) {
  for (const http::HeaderField& field : headers.fields()) {
    if (field.removed()) continue;
    for (const char c : field.value) require(c != '\r' && c != '\n' && c != '\0');
  }
  require(headers.count("host") == 0 && headers.count(":authority") <= 1);
  for (const HeaderId id : {HeaderId::keep_alive, HeaderId::proxy_connection,
                            HeaderId::transfer_encoding, HeaderId::x_envoy_internal})
    require(!headers.has(id));
  if (!upgrade) require(!headers.has(HeaderId::connection) && !headers.has(HeaderId::upgrade));
  for (const std::string_view name : {":method", ":path", ":scheme", "x-forwarded-for",
                                      "x-forwarded-proto", "x-request-id", "te", "via"})
    require(headers.count(name) <= 1 || (name == "x-request-id"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const HcmConfig config = config_of(data[0], data[1]);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (bytes.starts_with('/')) {
    check_path(config, bytes);
    return 0;
  }
  http::ArenaPool pool;
  http::Arena arena(pool);
  http::HeaderMap headers(arena);
  http::RequestLine line;
  if (http::parse_request_head(bytes, {}, headers, line).status != http::HeadStatus::complete)
    return 0;
  const bool upgrade = is_upgrade(headers);
  if (!strip_connection_headers(headers)) return 0;
  const RequestRefusal refusal = check_request(config, headers, 80);
  if (refusal.status != 0) return 0;
  require(headers.has(HeaderId::authority));
  upstream::Random random(1);
  DownstreamAddress peer;
  peer.endpoint = {*IpAddress::parse((data[1] & 128) != 0 ? "127.0.0.1" : "198.51.100.7"), 4000};
  const Endpoint local{*IpAddress::parse("203.0.113.1"), 80};
  mutate_request(config, headers, peer, local, upgrade, random);
  check_headers(headers, upgrade);
  mutate_response(config, headers, "now", upgrade);
  require(headers.count("date") >= 1);
  return 0;
}
