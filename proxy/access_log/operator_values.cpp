// SPDX-License-Identifier: Apache-2.0
// render_operator(): what an operator says of a record. Written for every connection and request:
// nothing here takes memory but `out`, and a custom START_TIME.
#include <algorithm>
#include <charconv>
#include <iterator>

#include "common/json_writer.hpp"
#include "proxy/access_log/address_text.hpp"
#include "proxy/access_log/escape.hpp"
#include "proxy/access_log/operators.hpp"
#include "proxy/http/grpc_status.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/http/metadata.hpp"

namespace weir::access_log {
namespace {

/// A value on its way into a line. Text is not escaped yet.
struct Value {
  enum class Kind : std::uint8_t { unset, number, text } kind = Kind::unset;
  std::int64_t number = 0;
  std::uint64_t count = 0;  // when `number` is not enough
  std::string_view text;

  static Value of(std::uint64_t n) { return {Kind::number, 0, n, {}}; }
  static Value of_signed(std::int64_t n) {
    return n < 0 ? Value{Kind::number, n, 0, {}} : of(static_cast<std::uint64_t>(n));
  }
  static Value of(std::string_view t) { return t.empty() ? Value{} : of_text(t); }
  /// Set even when it is "".
  static Value of_text(std::string_view t) { return {Kind::text, 0, 0, t}; }
  static Value of_header(const std::optional<std::string_view>& t) {
    return t ? of_text(*t) : Value{};
  }
  static Value of(std::chrono::milliseconds d) {
    return of(static_cast<std::uint64_t>(std::max<std::int64_t>(d.count(), 0)));
  }
  static Value of(const std::optional<std::chrono::milliseconds>& d) {
    return d ? of(*d) : Value{};
  }
};

/// Room for texts that the record does not hold as text.
struct Scratch {
  Scratch() {}
  union {
    AddressBuffer address;
    FlagsBuffer flags;
    TimeBuffer time;
  };
  std::string text;
};

Value of_endpoint(const Endpoint& endpoint, AddressPart part, Scratch& scratch) {
  if (part == AddressPart::port) return Value::of(std::uint64_t{endpoint.port});
  return Value::of(part == AddressPart::whole ? print_endpoint(endpoint, scratch.address)
                                              : print_address(endpoint.address, scratch.address));
}

template <class Address>
Value of_role(const std::optional<Address>& address, AddressPart part, Scratch& scratch) {
  return address ? of_endpoint(address->endpoint, part, scratch) : Value{};
}

Value of_start_time(const TimeFormat& format, const Record& record, Scratch& scratch) {
  if (format.is_default()) return Value::of(print_time(record.start, scratch.time));
  format.render(record.start, scratch.text);
  return Value::of(std::string_view(scratch.text));
}

Value of_flags(const Record& record, FlagNames names, Scratch& scratch) {
  const auto order = record.http != nullptr ? FlagOrder::request : FlagOrder::connection;
  const auto text = record.flags.print(scratch.flags, order, names);
  return Value::of_text(text.empty() ? "-" : text);
}

Value of_header(const Operator& op, const http::HeaderMap* headers) {
  const auto first = header_value(headers, op.header);
  return Value::of_header(first ? first : header_value(headers, op.alternative));
}

Value without_query(Value value) {
  value.text = value.text.substr(0, value.text.find('?'));
  return value;
}

Value of_bytes(const http::HeaderMap* headers) {
  return Value::of(std::uint64_t{headers == nullptr ? 0 : headers->bytes()});
}

Value of_grpc_status(const HttpRecord& record, GrpcForm form) {
  const auto status = grpc_status_of_grpc(record);
  if (!status) return {};
  const std::string_view name = form == GrpcForm::camel   ? http::grpc_status_camel(*status)
                                : form == GrpcForm::snake ? http::grpc_status_snake(*status)
                                                          : std::string_view();
  return name.empty() ? Value::of_signed(*status) : Value::of(name);
}

/// {"key":"value",…} of a namespace.
Value of_namespace(std::string_view space, const http::Metadata& metadata, Scratch& scratch) {
  std::string& out = scratch.text;
  for (const auto& entry : metadata.entries) {
    if (entry.space != space) continue;
    out += out.empty() ? "{\"" : ",\"";
    append_escaped_json(entry.key, out);
    out += "\":\"";
    append_escaped_json(entry.value, out);
    out += '"';
  }
  if (!out.empty()) out += '}';
  return Value::of(std::string_view(out));
}

Value of_metadata(const Operator& op, const http::Metadata* metadata, Scratch& scratch) {
  if (metadata == nullptr) return {};
  if (op.key.empty()) return of_namespace(op.constant, *metadata, scratch);
  const std::string* const value = metadata->find(op.constant, op.key);
  return value == nullptr ? Value{} : Value::of_text(*value);
}

Value of_response_tx(const Record& record) {
  const auto& begun = record.http->response_begun;
  return begun ? Value::of(record.duration - *begun) : Value{};
}

/// Operators of requests.
Value value_of_request(const Operator& op, const Record& record, Scratch& scratch) {
  const HttpRecord& http = *record.http;
  switch (op.op) {
    case Op::request_header:
      return of_header(op, http.request_headers);
    case Op::request_header_without_query:
      return without_query(of_header(op, http.request_headers));
    case Op::response_header:
      return of_header(op, http.response_headers);
    case Op::response_trailer:
      return of_header(op, http.response_trailers);
    case Op::request_headers_bytes:
      return of_bytes(http.request_headers);
    case Op::response_headers_bytes:
      return of_bytes(http.response_headers);
    case Op::response_trailers_bytes:
      return of_bytes(http.response_trailers);
    case Op::protocol:
      return Value::of(http.protocol);
    case Op::upstream_protocol:
      return Value::of(http.upstream_protocol);
    case Op::request_duration:
      return Value::of(http.request_received);
    case Op::request_tx_duration:
      return Value::of(http.request_sent);
    case Op::response_duration:
      return Value::of(http.response_begun);
    case Op::response_tx_duration:
      return of_response_tx(record);
    case Op::attempts:
      return Value::of(std::uint64_t{http.attempts});
    case Op::grpc_status:
      return of_grpc_status(http, op.grpc);
    case Op::dynamic_metadata:
      return of_metadata(op, http.metadata, scratch);
    default:
      return {};
  }
}

Value value_of(const Operator& op, const Record& record, Scratch& scratch) {
  switch (op.op) {
    case Op::none:
    case Op::unset:
      return {};
    case Op::constant:
      return Value::of(std::string_view(op.constant));
    case Op::start_time:
      return of_start_time(op.time, record, scratch);
    case Op::duration:
      return Value::of(record.duration);
    case Op::bytes_received:
      return Value::of(record.bytes_received);
    case Op::bytes_sent:
      return Value::of(record.bytes_sent);
    case Op::wire_bytes_received:
      return record.http != nullptr ? Value{} : Value::of(record.bytes_received);
    case Op::wire_bytes_sent:
      return record.http != nullptr ? Value{} : Value::of(record.bytes_sent);
    case Op::response_flags:
      return of_flags(record, FlagNames::codes, scratch);
    case Op::response_flags_long:
      return of_flags(record, FlagNames::words, scratch);
    case Op::response_code:
      return Value::of(std::uint64_t{record.http != nullptr ? record.http->response_code : 0u});
    case Op::response_code_details:
      return Value::of(record.response_code_details);
    case Op::connection_termination_details:
      return Value::of(record.connection_termination_details);
    case Op::upstream_transport_failure_reason:
      return Value::of(record.upstream_transport_failure_reason);
    case Op::upstream_cluster:
      return Value::of(record.upstream_cluster);
    case Op::upstream_host:
      return of_role(record.upstream_host, op.part, scratch);
    case Op::upstream_local:
      return record.upstream_local ? of_endpoint(*record.upstream_local, op.part, scratch)
                                   : Value{};
    case Op::downstream_local:
      return of_role(record.downstream_local, op.part, scratch);
    case Op::downstream_remote:
      return of_endpoint(record.downstream_remote.endpoint, op.part, scratch);
    case Op::downstream_direct:
      return of_endpoint(record.downstream_direct.value_or(record.downstream_remote).endpoint,
                         op.part, scratch);
    case Op::requested_server_name:
      return Value::of(record.requested_server_name);
    case Op::route_name:
      return Value::of(record.route_name);
    case Op::filter_chain_name:
      return Value::of(record.filter_chain_name);
    case Op::connection_id:
      return Value::of(record.connection_id);
    case Op::weir_listener:
      return Value::of(record.listener_name);
    case Op::local_reply_body:  // never unset, in Envoy neither
      return Value::of_text(record.http != nullptr ? record.http->local_reply_body
                                                   : std::string_view());
    default:
      return record.http != nullptr ? value_of_request(op, record, scratch) : Value{};
  }
}

/// Texts of several words: a line of text is split at blanks by whoever reads it, so they must not
/// contain any.
bool is_prose(Op op) {
  return op == Op::response_code_details || op == Op::connection_termination_details ||
         op == Op::upstream_transport_failure_reason;
}

void append_text(std::string_view value, Op op, std::string& out) {
  const std::size_t begin = out.size();
  append_escaped_text(value, out);
  if (is_prose(op))
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), ' ', '_');
}

void append_visible(std::string_view value, std::string& out) {
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  };
  std::remove_copy_if(value.begin(), value.end(), std::back_inserter(out), is_control);
}

template <class Number>
void append_number(Number number, std::string& out) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

}  // namespace

void render_operator(const Operator& op, const Record& record, Rendering rendering,
                     std::string& out) {
  Scratch scratch;
  Value value = value_of(op, record, scratch);
  if (value.kind == Value::Kind::unset) {
    if (rendering != Rendering::header) out += rendering == Rendering::json_value ? "null" : "-";
    return;
  }
  if (value.kind == Value::Kind::number) {
    if (value.number < 0) return append_number(value.number, out);
    return append_number(value.count, out);
  }
  if (op.max_length) value.text = value.text.substr(0, *op.max_length);
  switch (rendering) {
    case Rendering::text:
      return append_text(value.text, op.op, out);
    case Rendering::body:
      out += value.text;
      return;
    case Rendering::header:
      return append_visible(value.text, out);
    case Rendering::json_inside:
      return append_escaped_json(value.text, out);
    case Rendering::json_value:
      out += '"';
      append_escaped_json(value.text, out);
      out += '"';
      return;
  }
}

}  // namespace weir::access_log
