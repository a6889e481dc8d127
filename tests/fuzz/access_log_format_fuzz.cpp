// SPDX-License-Identifier: Apache-2.0
// Access-log formats and hostile values: every format compiles or is refused with a text, and what
// is rendered from values of a peer stays on one line and inside its quotes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/access_log/format.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/http/metadata.hpp"

namespace {

using namespace weir::access_log;

void require(bool condition) {
  if (!condition) std::abort();
}

/// A JSON string literal and nothing else (RFC 8259 §7), for what render() makes of one text
/// member.
void require_one_member(std::string_view line) {
  constexpr std::string_view kHead = "{\"k\":";
  require(line.starts_with(kHead) && line.ends_with("}\n"));
  line = line.substr(kHead.size(), line.size() - kHead.size() - 2);
  require(!line.empty());
  if (line.front() != '"') {
    require(line == "null" || std::all_of(line.begin() + (line.front() == '-' ? 1 : 0), line.end(),
                                          [](char c) { return c >= '0' && c <= '9'; }));
    return;
  }
  std::size_t at = 1;
  while (at < line.size() && line[at] != '"') {
    require(static_cast<unsigned char>(line[at]) >= 0x20);
    at += line[at] == '\\' ? 2 : 1;
  }
  require(at + 1 == line.size());
}

/// A record of a connection and one of a request, which have the text wherever it may come from a
/// peer.
struct Records {
  explicit Records(std::string_view text) {
    for (Record* record : {&connection, &request}) {
      record->requested_server_name = text;
      record->upstream_cluster = text;
      record->response_code_details = text;
      record->listener_name = text;
    }
    for (const char* name : {":method", ":path", ":authority", "user-agent", "x", "x-forwarded-for",
                             "x-request-id", "content-type"})
      headers.add(name, text);
    for (const char* name : {":status", "grpc-status", "x"}) response.add(name, text);
    metadata.set("a", "b", std::string(text));
    metadata.set("a", std::string(text), "c");
    http.request_headers = &headers;
    http.response_headers = &response;
    http.response_trailers = &response;
    http.metadata = &metadata;
    http.protocol = "HTTP/1.1";
    http.local_reply_body = text;
    http.response_code = 200;
    request.http = &http;
    request.flags.bits = static_cast<std::uint32_t>(text.size() * 0x9e3779b9u);
  }

  weir::http::ArenaPool pool;
  weir::http::Arena arena{pool};
  weir::http::HeaderMap headers{arena};
  weir::http::HeaderMap response{arena};
  weir::http::Metadata metadata;
  HttpRecord http;
  Record connection;
  Record request;
};

void check_text(std::string_view format, const Records& records) {
  const auto compiled = Format::text(format);
  std::string line;
  if (!compiled) return require(!compiled.error().message.empty());
  compiled->render(records.connection, line);
  compiled->render(records.request, line);
  Format::body(format)->render(records.request, line);
  std::string header;
  Format::header(format)->render(records.request, header);
}

void check_json(std::string_view format, const Records& records) {
  JsonTemplate object;
  object.members.push_back({"k", {JsonTemplate::Kind::text, std::string(format), {}}});
  for (const auto values : {JsonValues::as_strings, JsonValues::typed}) {
    const auto compiled = Format::json(object, values);
    if (!compiled) continue;
    for (const Record* record : {&records.connection, &records.request}) {
      std::string line;
      compiled->render(*record, line);
      require_one_member(line);
    }
  }
}

void check_value(const Records& records) {
  static const Format format = *Format::text(
      "%REQUESTED_SERVER_NAME%%UPSTREAM_CLUSTER%%REQ(:PATH)%%REQ_WITHOUT_QUERY(X)%%RESP(X)%"
      "%TRAILER(X)%%STREAM_ID%%DYNAMIC_METADATA(a)%%DYNAMIC_METADATA(a:b)%%LOCAL_REPLY_BODY%");
  std::string line;
  format.render(records.request, line);
  for (const char c : line) require(c >= 0x20 && c < 0x7f && c != '"');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The input is a format and a value, parted by the first zero byte.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = std::min(input.find('\0'), input.size());
  const std::string_view format = input.substr(0, zero);
  const std::string_view value = zero < input.size() ? input.substr(zero + 1) : std::string_view();
  const Records records(value);
  check_text(format, records);
  check_json(format, records);
  check_value(records);
  return 0;
}
