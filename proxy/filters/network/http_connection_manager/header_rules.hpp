// SPDX-License-Identifier: Apache-2.0
// What the connection manager does to the headers of every request and response. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/addresses.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::filters {

/// Why a request is not served, before any route: an answer with this status and these details.
struct RequestRefusal {
  std::uint16_t status = 0;  // 0 = none
  std::string_view details;
  std::string_view body;
  std::string_view location;  // of a redirect to the normalised path
  bool close = true;
};

/// What the rules found out about the client.
struct ClientFacts {
  DownstreamAddress remote;  // as x-forwarded-for and use_remote_address say
  bool internal = false;
};

/// Checks Host and path, and brings them into the form that the configuration asks for.
RequestRefusal check_request(const HcmConfig& config, http::HeaderMap& headers,
                             std::uint16_t local_port);

/// x-forwarded-*, x-envoy-*, hop-by-hop headers, request id. `upgrade`: Connection and Upgrade
/// stay.
ClientFacts mutate_request(const HcmConfig& config, http::HeaderMap& headers,
                           const DownstreamAddress& peer, const Endpoint& local, bool upgrade,
                           upstream::Random& random);

/// Hop-by-hop headers go; Server, Date. `date`: lives as long as the stream. `upgrade`: a 101.
void mutate_response(const HcmConfig& config, http::HeaderMap& headers, std::string_view date,
                     bool upgrade);

/// Connection: Upgrade together with an Upgrade header.
[[nodiscard]] bool is_upgrade(const http::HeaderMap& headers);

/// Removes what Connection names (RFC 9110 §7.6.1). false: it names what it must not.
bool strip_connection_headers(http::HeaderMap& headers);

/// 36 characters, version 4, and their terminating zero.
void write_uuid(char* at, upstream::Random& random);

}  // namespace weir::filters
