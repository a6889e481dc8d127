// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/operators.hpp"

#include <charconv>
#include <cstdlib>

#include <unistd.h>

namespace weir::access_log {
namespace {

enum class Parameters : std::uint8_t { none, required, optional };

struct Entry {
  std::string_view name;
  Op op;
  AddressPart part = AddressPart::whole;
  Parameters parameters = Parameters::none;
};

constexpr auto kWhole = AddressPart::whole;
constexpr auto kWithoutPort = AddressPart::without_port;
constexpr auto kPort = AddressPart::port;

constexpr Entry kEntries[] = {
    {"BYTES_RECEIVED", Op::bytes_received},
    {"BYTES_SENT", Op::bytes_sent},
    {"CONNECTION_ID", Op::connection_id},
    {"CONNECTION_TERMINATION_DETAILS", Op::connection_termination_details},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS", Op::downstream_direct},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", Op::downstream_direct, kWithoutPort},
    {"DOWNSTREAM_DIRECT_REMOTE_PORT", Op::downstream_direct, kPort},
    {"DOWNSTREAM_LOCAL_ADDRESS", Op::downstream_local},
    {"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Op::downstream_local, kWithoutPort},
    {"DOWNSTREAM_LOCAL_PORT", Op::downstream_local, kPort},
    {"DOWNSTREAM_REMOTE_ADDRESS", Op::downstream_remote},
    {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Op::downstream_remote, kWithoutPort},
    {"DOWNSTREAM_REMOTE_PORT", Op::downstream_remote, kPort},
    {"DOWNSTREAM_WIRE_BYTES_RECEIVED", Op::wire_bytes_received},
    {"DOWNSTREAM_WIRE_BYTES_SENT", Op::wire_bytes_sent},
    {"DURATION", Op::duration},
    {"DYNAMIC_METADATA", Op::dynamic_metadata, kWhole, Parameters::required},
    {"ENVIRONMENT", Op::constant, kWhole, Parameters::required},
    {"FILTER_CHAIN_NAME", Op::filter_chain_name},
    {"GRPC_STATUS", Op::grpc_status, kWhole, Parameters::optional},
    {"GRPC_STATUS_NUMBER", Op::grpc_status},
    {"HOSTNAME", Op::constant},
    {"LOCAL_REPLY_BODY", Op::local_reply_body},
    {"PROTOCOL", Op::protocol},
    {"REQ", Op::request_header, kWhole, Parameters::required},
    {"REQUESTED_SERVER_NAME", Op::requested_server_name},
    {"REQUEST_DURATION", Op::request_duration},
    {"REQUEST_HEADERS_BYTES", Op::request_headers_bytes},
    {"REQUEST_TX_DURATION", Op::request_tx_duration},
    {"REQ_WITHOUT_QUERY", Op::request_header_without_query, kWhole, Parameters::required},
    {"RESP", Op::response_header, kWhole, Parameters::required},
    {"RESPONSE_CODE", Op::response_code},
    {"RESPONSE_CODE_DETAILS", Op::response_code_details},
    {"RESPONSE_DURATION", Op::response_duration},
    {"RESPONSE_FLAGS", Op::response_flags},
    {"RESPONSE_FLAGS_LONG", Op::response_flags_long},
    {"RESPONSE_HEADERS_BYTES", Op::response_headers_bytes},
    {"RESPONSE_TRAILERS_BYTES", Op::response_trailers_bytes},
    {"RESPONSE_TX_DURATION", Op::response_tx_duration},
    {"ROUTE_NAME", Op::route_name},
    {"START_TIME", Op::start_time, kWhole, Parameters::optional},
    {"STREAM_ID", Op::request_header},
    {"TRAILER", Op::response_trailer, kWhole, Parameters::required},
    {"UPSTREAM_CLUSTER", Op::upstream_cluster},
    {"UPSTREAM_CLUSTER_RAW", Op::upstream_cluster},
    {"UPSTREAM_HOST", Op::upstream_host},
    {"UPSTREAM_LOCAL_ADDRESS", Op::upstream_local},
    {"UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Op::upstream_local, kWithoutPort},
    {"UPSTREAM_LOCAL_PORT", Op::upstream_local, kPort},
    {"UPSTREAM_PROTOCOL", Op::upstream_protocol},
    {"UPSTREAM_REMOTE_ADDRESS", Op::upstream_host},
    {"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Op::upstream_host, kWithoutPort},
    {"UPSTREAM_REMOTE_PORT", Op::upstream_host, kPort},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", Op::attempts},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", Op::upstream_transport_failure_reason},
    {"WEIR_LISTENER", Op::weir_listener},
};

// Operators of TLS and of what this proxy does not measure: unset.
constexpr std::string_view kUnset[] = {
    "CONNECTION_TLS_VERSION",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
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
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "VIRTUAL_CLUSTER_NAME",
};
constexpr std::string_view kUnsetWithParameters[] = {
    "CLUSTER_METADATA", "FILTER_STATE", "METADATA", "UPSTREAM_FILTER_STATE", "UPSTREAM_METADATA",
};

std::optional<Entry> find_entry(std::string_view name) {
  for (const Entry& entry : kEntries)
    if (entry.name == name) return entry;
  for (const std::string_view known : kUnset)
    if (known == name) return Entry{known, Op::unset};
  for (const std::string_view known : kUnsetWithParameters)
    if (known == name) return Entry{known, Op::unset, kWhole, Parameters::required};
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

/// X?Y
void parse_headers(std::string_view names, Operator& op) {
  const bool of_request = op.op != Op::response_header && op.op != Op::response_trailer;
  const std::size_t mark = names.find('?');
  op.header = HeaderName::parse(names.substr(0, mark), of_request);
  if (mark != std::string_view::npos)
    op.alternative = HeaderName::parse(names.substr(mark + 1), of_request);
}

Result<void> parse_grpc_form(std::string_view name, std::string_view form, Operator& op) {
  if (name == "GRPC_STATUS_NUMBER" || form == "NUMBER") {
    op.grpc = GrpcForm::number;
  } else if (form == "SNAKE_STRING") {
    op.grpc = GrpcForm::snake;
  } else if (!form.empty() && form != "CAMEL_STRING") {
    return Error{"operator 'GRPC_STATUS': '" + std::string(form) +
                 "': expected CAMEL_STRING, SNAKE_STRING or NUMBER"};
  }
  return {};
}

/// namespace:key; a deeper path asks for what is in a value that is structured, which is not kept
/// as such.
void parse_metadata(std::string_view path, Operator& op) {
  const std::size_t colon = path.find(':');
  op.constant = path.substr(0, colon);
  if (colon == std::string_view::npos) return;
  op.key = path.substr(colon + 1);
  if (op.key.find(':') != std::string::npos) op.op = Op::unset;
}

Result<void> parse_parameters(const Syntax& syntax, Operator& op) {
  const std::string_view parameters = syntax.parameters.value_or(std::string_view());
  switch (op.op) {
    case Op::start_time: {
      auto time = start_time_format(syntax.parameters);
      if (!time) return time.error();
      op.time = std::move(*time);
      break;
    }
    case Op::constant:
      op.constant = syntax.parameters ? environment(parameters) : host_name();
      break;
    case Op::request_header:
    case Op::request_header_without_query:
    case Op::response_header:
    case Op::response_trailer:
      parse_headers(syntax.name == "STREAM_ID" ? "x-request-id" : parameters, op);
      break;
    case Op::grpc_status:
      return parse_grpc_form(syntax.name, parameters, op);
    case Op::dynamic_metadata:
      parse_metadata(parameters, op);
      break;
    default:
      break;
  }
  return {};
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
  if (const auto ok = parse_parameters(*syntax, op); !ok) return ok.error();
  length = syntax->length;
  return op;
}

}  // namespace weir::access_log
