// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/operators.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iterator>

#include <unistd.h>

#include "common/json_writer.hpp"
#include "proxy/access_log/escape.hpp"

namespace weir::access_log {
namespace {

enum class Parameters : std::uint8_t { none, required, optional };

struct Entry {
  std::string_view name;
  Op op;
  AddressPart part = AddressPart::whole;
  Parameters parameters = Parameters::none;
};

constexpr auto kWithoutPort = AddressPart::without_port;
constexpr auto kPort = AddressPart::port;

constexpr Entry kEntries[] = {
    {"BYTES_RECEIVED", Op::bytes_received},
    {"BYTES_SENT", Op::bytes_sent},
    {"CONNECTION_ID", Op::connection_id},
    {"CONNECTION_TERMINATION_DETAILS", Op::connection_termination_details},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS", Op::downstream_remote},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", Op::downstream_remote, kWithoutPort},
    {"DOWNSTREAM_DIRECT_REMOTE_PORT", Op::downstream_remote, kPort},
    {"DOWNSTREAM_LOCAL_ADDRESS", Op::downstream_local},
    {"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Op::downstream_local, kWithoutPort},
    {"DOWNSTREAM_LOCAL_PORT", Op::downstream_local, kPort},
    {"DOWNSTREAM_REMOTE_ADDRESS", Op::downstream_remote},
    {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Op::downstream_remote, kWithoutPort},
    {"DOWNSTREAM_REMOTE_PORT", Op::downstream_remote, kPort},
    {"DOWNSTREAM_WIRE_BYTES_RECEIVED", Op::bytes_received},
    {"DOWNSTREAM_WIRE_BYTES_SENT", Op::bytes_sent},
    {"DURATION", Op::duration},
    {"ENVIRONMENT", Op::constant, AddressPart::whole, Parameters::required},
    {"FILTER_CHAIN_NAME", Op::filter_chain_name},
    {"HOSTNAME", Op::constant},
    {"REQUESTED_SERVER_NAME", Op::requested_server_name},
    {"RESPONSE_CODE", Op::response_code},
    {"RESPONSE_CODE_DETAILS", Op::response_code_details},
    {"RESPONSE_FLAGS", Op::response_flags},
    {"ROUTE_NAME", Op::route_name},
    {"START_TIME", Op::start_time, AddressPart::whole, Parameters::optional},
    {"UPSTREAM_CLUSTER", Op::upstream_cluster},
    {"UPSTREAM_CLUSTER_RAW", Op::upstream_cluster},
    {"UPSTREAM_HOST", Op::upstream_host},
    {"UPSTREAM_LOCAL_ADDRESS", Op::upstream_local},
    {"UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Op::upstream_local, kWithoutPort},
    {"UPSTREAM_LOCAL_PORT", Op::upstream_local, kPort},
    {"UPSTREAM_REMOTE_ADDRESS", Op::upstream_host},
    {"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Op::upstream_host, kWithoutPort},
    {"UPSTREAM_REMOTE_PORT", Op::upstream_host, kPort},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", Op::upstream_transport_failure_reason},
    {"WEIR_LISTENER", Op::weir_listener},
};

// Operators of requests, TLS and metadata: a TCP connection shows them as unset, in Envoy too.
constexpr std::string_view kUnset[] = {
    "CONNECTION_TLS_VERSION",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_LOCAL_DNS_SAN",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "GRPC_STATUS_NUMBER",
    "PROTOCOL",
    "REQUEST_DURATION",
    "REQUEST_TX_DURATION",
    "RESPONSE_DURATION",
    "RESPONSE_TX_DURATION",
    "STREAM_ID",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PROTOCOL",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "VIRTUAL_CLUSTER_NAME",
};
constexpr std::string_view kUnsetWithParameters[] = {
    "CLUSTER_METADATA",
    "DYNAMIC_METADATA",
    "FILTER_STATE",
    "METADATA",
    "REQ",
    "REQ_WITHOUT_QUERY",
    "RESP",
    "TRAILER",
    "UPSTREAM_FILTER_STATE",
    "UPSTREAM_METADATA",
};

std::optional<Entry> find_entry(std::string_view name) {
  for (const Entry& entry : kEntries)
    if (entry.name == name) return entry;
  for (const std::string_view known : kUnset)
    if (known == name) return Entry{known, Op::unset};
  for (const std::string_view known : kUnsetWithParameters)
    if (known == name) return Entry{known, Op::unset, AddressPart::whole, Parameters::required};
  if (name == "GRPC_STATUS" || name == "LOCAL_REPLY_BODY")
    return Entry{name, Op::unset, AddressPart::whole, Parameters::optional};
  return std::nullopt;
}

/// The parts of %NAME(parameters):LENGTH%.
struct Syntax {
  std::string_view name;
  std::optional<std::string_view> parameters;
  std::optional<std::size_t> max_length;
  std::size_t length = 0;  // with both percent signs
};

bool is_name_char(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

Result<Syntax> split(std::string_view text) {
  Syntax syntax;
  std::size_t at = 1;
  while (at < text.size() && is_name_char(text[at])) ++at;
  syntax.name = text.substr(1, at - 1);
  const Error bad{
      "operator '" + std::string(text.substr(0, at)) +
      "': expected %NAME%, %NAME(parameters)% or %NAME:LENGTH%; write %% for a percent sign"};
  if (syntax.name.empty()) return bad;
  if (at < text.size() && text[at] == '(') {
    const auto close = text.find(')', at);
    if (close == std::string_view::npos) return bad;
    syntax.parameters = text.substr(at + 1, close - at - 1);
    at = close + 1;
  }
  if (at < text.size() && text[at] == ':') {
    std::size_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, ec] = std::from_chars(text.data() + at + 1, end, value);
    if (ec != std::errc{}) return bad;
    syntax.max_length = value;
    at = static_cast<std::size_t>(stop - text.data());
  }
  if (at >= text.size() || text[at] != '%') return bad;
  syntax.length = at + 1;
  return syntax;
}

Result<void> check(const Syntax& syntax, const Entry& entry) {
  const std::string what = "operator '" + std::string(syntax.name) + "': ";
  if (entry.parameters == Parameters::none && syntax.parameters)
    return Error{what + "takes no parameters"};
  if (entry.parameters == Parameters::required &&
      (!syntax.parameters || syntax.parameters->empty()))
    return Error{what + "needs parameters in brackets"};
  return {};
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "-";
}

std::string environment(std::string_view variable) {
  const char* const value = std::getenv(std::string(variable).c_str());
  return value != nullptr ? value : "-";
}

Result<TimeFormat> start_time_format(const std::optional<std::string_view>& parameters) {
  if (!parameters || parameters->empty()) return TimeFormat();
  if (parameters->find_first_of("\r\n") != std::string_view::npos)
    return Error{"operator 'START_TIME': the format contains a newline"};
  return TimeFormat::parse(*parameters);
}

/// A value on its way into a line. Text is not escaped yet.
struct Value {
  enum class Kind : std::uint8_t { unset, number, text } kind = Kind::unset;
  std::uint64_t number = 0;
  std::string_view text;

  static Value of(std::uint64_t n) { return {Kind::number, n, {}}; }
  static Value of(std::string_view t) { return t.empty() ? Value{} : Value{Kind::text, 0, t}; }
  static Value of_duration(std::chrono::milliseconds d) {
    return of(static_cast<std::uint64_t>(std::max<std::int64_t>(d.count(), 0)));
  }
};

Value of_endpoint(const Endpoint& endpoint, AddressPart part, std::string& scratch) {
  if (part == AddressPart::port) return Value::of(std::uint64_t{endpoint.port});
  scratch = part == AddressPart::whole ? endpoint.to_string() : endpoint.address.to_string();
  return Value::of(std::string_view(scratch));
}

template <class Address>
Value of_role(const std::optional<Address>& address, AddressPart part, std::string& scratch) {
  return address ? of_endpoint(address->endpoint, part, scratch) : Value{};
}

/// `scratch` keeps the text of values that the record does not hold as text.
Value value_of(const Operator& op, const Record& record, std::string& scratch) {
  switch (op.op) {
    case Op::none:
    case Op::unset:
      return {};
    case Op::constant:
      return Value::of(std::string_view(op.constant));
    case Op::start_time:
      op.time.render(record.start, scratch);
      return Value::of(std::string_view(scratch));
    case Op::duration:
      return Value::of_duration(record.duration);
    case Op::bytes_received:
      return Value::of(record.bytes_received);
    case Op::bytes_sent:
      return Value::of(record.bytes_sent);
    case Op::response_flags:
      scratch = record.flags.to_string();
      return Value::of(std::string_view(scratch));
    case Op::response_code:
      return Value::of(std::uint64_t{0});
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
  }
  return {};
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

}  // namespace

Result<Operator> parse_operator(std::string_view text, std::size_t& length) {
  const auto syntax = split(text);
  if (!syntax) return syntax.error();
  const auto entry = find_entry(syntax->name);
  if (!entry) return Error{"operator '" + std::string(syntax->name) + "': not known"};
  if (const auto ok = check(*syntax, *entry); !ok) return ok.error();
  Operator op;
  op.op = entry->op;
  op.part = entry->part;
  op.max_length = syntax->max_length;
  if (op.op == Op::start_time) {
    auto time = start_time_format(syntax->parameters);
    if (!time) return time.error();
    op.time = std::move(*time);
  }
  if (op.op == Op::constant)
    op.constant = syntax->parameters ? environment(*syntax->parameters) : host_name();
  length = syntax->length;
  return op;
}

void render_operator(const Operator& op, const Record& record, Rendering rendering,
                     std::string& out) {
  std::string scratch;
  Value value = value_of(op, record, scratch);
  if (value.kind == Value::Kind::unset) {
    if (rendering != Rendering::header) out += rendering == Rendering::json_value ? "null" : "-";
    return;
  }
  if (value.kind == Value::Kind::number) {
    out += std::to_string(value.number);
    return;
  }
  if (op.max_length) value.text = value.text.substr(0, *op.max_length);
  if (rendering == Rendering::text) return append_text(value.text, op.op, out);
  if (rendering == Rendering::body) {
    out += value.text;
    return;
  }
  if (rendering == Rendering::header) return append_visible(value.text, out);
  if (rendering == Rendering::json_value) out += '"';
  append_escaped_json(value.text, out);
  if (rendering == Rendering::json_value) out += '"';
}

}  // namespace weir::access_log
