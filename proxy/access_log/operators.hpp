// SPDX-License-Identifier: Apache-2.0
// Command operators of access-log formats: their names, their syntax, their values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "proxy/access_log/http_values.hpp"
#include "proxy/access_log/record.hpp"
#include "proxy/access_log/time_format.hpp"

namespace weir::access_log {

enum class Op : std::uint8_t {
  none,
  constant,  // known when the format is compiled: HOSTNAME, ENVIRONMENT
  unset,     // known operator that this proxy has no value for
  start_time,
  duration,
  bytes_received,
  bytes_sent,
  wire_bytes_received,  // of connections only
  wire_bytes_sent,
  response_flags,
  response_flags_long,
  response_code,
  response_code_details,
  connection_termination_details,
  upstream_transport_failure_reason,
  upstream_cluster,
  upstream_host,
  upstream_local,
  downstream_local,
  downstream_remote,
  downstream_direct,
  requested_server_name,
  route_name,
  filter_chain_name,
  connection_id,
  weir_listener,
  // Of requests only; a connection shows them as unset.
  request_header,
  request_header_without_query,
  response_header,
  response_trailer,
  request_headers_bytes,
  response_headers_bytes,
  response_trailers_bytes,
  protocol,
  upstream_protocol,
  request_duration,
  request_tx_duration,
  response_duration,
  response_tx_duration,
  attempts,
  grpc_status,
  dynamic_metadata,
  local_reply_body,
};

/// Which part of an address an operator shows: X, X_WITHOUT_PORT or X_PORT.
enum class AddressPart : std::uint8_t { whole, without_port, port };
/// How GRPC_STATUS shows it: "NotFound", "NOT_FOUND" or 5.
enum class GrpcForm : std::uint8_t { camel, snake, number };

/// One compiled operator.
struct Operator {
  Op op = Op::none;
  AddressPart part = AddressPart::whole;
  GrpcForm grpc = GrpcForm::camel;
  std::optional<std::size_t> max_length;  // bytes of a text value, before escaping
  TimeFormat time;                        // Op::start_time
  std::string constant;                   // Op::constant; the namespace of Op::dynamic_metadata
  std::string key;                        // Op::dynamic_metadata; "" = the whole namespace
  HeaderName header;                      // X of REQ(X?Y)
  HeaderName alternative;                 // Y
};

/// Where a value is put, which decides quoting and what "unset" looks like.
enum class Rendering : std::uint8_t {
  text,         // a line of text, "-"
  json_inside,  // within a JSON string that is already open, "-"
  json_value,   // a JSON value of its own, null
  body,         // text that is no line of a log: as it is, "-"
  header,       // a header's value: as it is but for control characters, which are left out; ""
};

/// Parses the operator that starts at `text[0] == '%'`; `length` receives its length including both
/// percent signs. Error texts do not name the position: the caller does.
Result<Operator> parse_operator(std::string_view text, std::size_t& length);

/// Appends the value of `op`.
void render_operator(const Operator& op, const Record& record, Rendering rendering,
                     std::string& out);

}  // namespace weir::access_log
