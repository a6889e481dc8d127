// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/http_options_from_proto.hpp"

#include <google/protobuf/wrappers.pb.h>

#include "envoy/config/core/v3/protocol.pb.h"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

namespace core = envoy::config::core::v3;
using google::protobuf::UInt32Value;

struct Range {
  std::uint32_t least = 0;
  std::uint32_t most = 0xffffffff;
};
constexpr Range kWindow{65535, 0x7fffffff};  // RFC 9113 §6.9.1; smaller ones are no help
constexpr Range kStreams{1, 0x7fffffff};
constexpr Range kAtLeastOne{1, 0xffffffff};

void read_number(bool given, const UInt32Value& proto, Range range, const ParseContext& context,
                 std::uint32_t& out) {
  if (!given) return;
  out = proto.value();
  if (out >= range.least && out <= range.most) return;
  const std::string what = "'" + std::to_string(out) + "': ";
  if (range.most == 0xffffffff)
    return context.error(what + "must be greater than or equal to " + std::to_string(range.least));
  context.error(what + "must be " + std::to_string(range.least) + " to " +
                std::to_string(range.most));
}

http::HttpOptions::Underscores underscores_from_proto(
    core::HttpProtocolOptions::HeadersWithUnderscoresAction proto) {
  switch (proto) {
    case core::HttpProtocolOptions::REJECT_REQUEST:
      return http::HttpOptions::Underscores::reject;
    case core::HttpProtocolOptions::DROP_HEADER:
      return http::HttpOptions::Underscores::drop;
    default:
      return http::HttpOptions::Underscores::allow;
  }
}

void read_keepalive(const core::KeepaliveSettings& proto, const ParseContext& context,
                    http::Http2Options& options) {
  if (!proto.has_timeout()) context.error("has no timeout");
  read_period(proto.has_timeout(), proto.timeout(), context.field("timeout"),
              options.keepalive_timeout);
  if (!proto.has_interval()) return;
  options.keepalive_interval.emplace(0);
  read_period(true, proto.interval(), context.field("interval"), *options.keepalive_interval);
}

}  // namespace

http::HttpOptions http_options_from_proto(const core::HttpProtocolOptions& proto,
                                          const ParseContext& context) {
  http::HttpOptions options;
  if (proto.has_idle_timeout())
    options.idle_timeout = duration_from_proto(proto.idle_timeout(), context.field("idle_timeout"));
  options.max_connection_duration =
      duration_or(proto.has_max_connection_duration(), proto.max_connection_duration(), {},
                  context.field("max_connection_duration"));
  options.max_stream_duration =
      duration_or(proto.has_max_stream_duration(), proto.max_stream_duration(), {},
                  context.field("max_stream_duration"));
  read_number(proto.has_max_headers_count(), proto.max_headers_count(), kAtLeastOne,
              context.field("max_headers_count"), options.max_headers);
  options.max_requests_per_connection = proto.max_requests_per_connection().value();
  options.underscores = underscores_from_proto(proto.headers_with_underscores_action());
  return options;
}

http::Http1Options http1_options_from_proto(const core::Http1ProtocolOptions& proto,
                                            const ParseContext& context) {
  http::Http1Options options;
  options.allow_absolute_url =
      !proto.has_allow_absolute_url() || proto.allow_absolute_url().value();
  options.accept_http_10 = proto.accept_http_10();
  options.enable_trailers = proto.enable_trailers();
  options.send_fully_qualified_url = proto.send_fully_qualified_url();
  if (!proto.has_header_key_format()) return options;
  if (proto.header_key_format().has_proper_case_words())
    options.header_case = http::Http1Options::HeaderCase::proper;
  else
    context.field("header_key_format").error("has no format: expected proper_case_words");
  return options;
}

http::Http2Options http2_options_from_proto(const core::Http2ProtocolOptions& proto,
                                            bool stream_error, const ParseContext& context) {
  http::Http2Options options;
  const auto read = [&](bool given, const UInt32Value& value, Range range, std::string_view field,
                        std::uint32_t& out) {
    read_number(given, value, range, context.field(field), out);
  };
  read(proto.has_hpack_table_size(), proto.hpack_table_size(), {}, "hpack_table_size",
       options.header_table_size);
  read(proto.has_max_concurrent_streams(), proto.max_concurrent_streams(), kStreams,
       "max_concurrent_streams", options.max_concurrent_streams);
  read(proto.has_initial_stream_window_size(), proto.initial_stream_window_size(), kWindow,
       "initial_stream_window_size", options.initial_stream_window);
  read(proto.has_initial_connection_window_size(), proto.initial_connection_window_size(), kWindow,
       "initial_connection_window_size", options.initial_connection_window);
  read(proto.has_max_outbound_frames(), proto.max_outbound_frames(), kAtLeastOne,
       "max_outbound_frames", options.max_outbound_frames);
  read(proto.has_max_outbound_control_frames(), proto.max_outbound_control_frames(), kAtLeastOne,
       "max_outbound_control_frames", options.max_outbound_control_frames);
  read(proto.has_max_consecutive_inbound_frames_with_empty_payload(),
       proto.max_consecutive_inbound_frames_with_empty_payload(), {},
       "max_consecutive_inbound_frames_with_empty_payload", options.max_empty_frames);
  read(proto.has_max_inbound_priority_frames_per_stream(),
       proto.max_inbound_priority_frames_per_stream(), {}, "max_inbound_priority_frames_per_stream",
       options.max_inbound_priority_frames_per_stream);
  read(proto.has_max_inbound_window_update_frames_per_data_frame_sent(),
       proto.max_inbound_window_update_frames_per_data_frame_sent(), kAtLeastOne,
       "max_inbound_window_update_frames_per_data_frame_sent",
       options.max_inbound_window_updates_per_data);
  options.allow_connect = proto.allow_connect();
  if (options.allow_connect)
    context.field("allow_connect").warning("has no effect: extended CONNECT is refused");
  options.stream_error_on_invalid_message =
      proto.has_override_stream_error_on_invalid_http_message()
          ? proto.override_stream_error_on_invalid_http_message().value()
          : stream_error || proto.stream_error_on_invalid_http_messaging();
  if (proto.has_connection_keepalive())
    read_keepalive(proto.connection_keepalive(), context.field("connection_keepalive"), options);
  return options;
}

}  // namespace weir::config
