// SPDX-License-Identifier: Apache-2.0
// HTTP options of one side of a connection into narrow types.
#pragma once

#include "proxy/config/parse_context.hpp"
#include "proxy/http/protocol_options.hpp"

namespace envoy::config::core::v3 {
class Http1ProtocolOptions;
class Http2ProtocolOptions;
class HttpProtocolOptions;
}  // namespace envoy::config::core::v3

namespace weir::config {

http::HttpOptions http_options_from_proto(const envoy::config::core::v3::HttpProtocolOptions& proto,
                                          const ParseContext& context);
http::Http1Options http1_options_from_proto(
    const envoy::config::core::v3::Http1ProtocolOptions& proto, const ParseContext& context);
/// `stream_error`: what counts when `proto` says nothing of invalid messages.
http::Http2Options http2_options_from_proto(
    const envoy::config::core::v3::Http2ProtocolOptions& proto, bool stream_error,
    const ParseContext& context);

}  // namespace weir::config
