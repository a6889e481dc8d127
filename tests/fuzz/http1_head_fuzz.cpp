// SPDX-License-Identifier: Apache-2.0
// Heads of HTTP/1: pieces of any size give the same result, what was read is written and read
// again, and a second parser agrees about everything that ours accepts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <llhttp.h>

#include "proxy/http/http1/body_framing.hpp"
#include "proxy/http/http1/head_writer.hpp"

namespace {

using namespace weir::http;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Parsed {
  HeadResult result;
  RequestLine request;
  StatusLine status;
  std::string method;
  std::string path;
  std::string authority;
  std::string fields;  // without pseudo-headers
  std::size_t count = 0;
  bool joined = false;  // several lines may have become one value
  Http1Error framing_error = Http1Error::none;
  BodyFraming framing{};
  std::uint64_t length = 0;
  std::string written;
};

enum class Kind : std::uint8_t { request, response, trailers };

/// What comes out is a head that can be written: names are tokens in lower case, no control
/// characters.
void check(const HeaderMap& headers) {
  for (const HeaderField& field : headers.fields()) {
    if (field.removed()) continue;
    require(field.id == header_id(field.name));
    for (const char c : field.name)
      require(static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 0x7f &&
              !(c >= 'A' && c <= 'Z'));
    for (const char c : field.value)
      require(c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f));
    require(field.value.empty() || (field.value.front() != ' ' && field.value.front() != '\t' &&
                                    field.value.back() != ' ' && field.value.back() != '\t'));
  }
}

void write(const HeaderMap& headers, Kind kind, Parsed& parsed) {
  std::vector<char> room(head_size(headers));
  const char* const end =
      kind == Kind::request
          ? write_request_head(room.data(), headers, Http1Options::HeaderCase::proper, false, {})
          : write_response_head(room.data(), headers, parsed.status.status,
                                Http1Options::HeaderCase::lower, 1, {});
  parsed.written.assign(room.data(), static_cast<std::size_t>(end - room.data()));
  require(parsed.written.size() <= room.size());
}

Parsed parse(std::string_view bytes, Kind kind, const HeadLimits& limits) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  Parsed parsed;
  // As much memory as there are bytes: what reads past them is seen.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const std::string_view text(exact.data(), exact.size());
  switch (kind) {
    case Kind::request:
      parsed.result = parse_request_head(text, limits, headers, parsed.request);
      break;
    case Kind::response:
      parsed.result = parse_response_head(text, limits, headers, parsed.status);
      break;
    case Kind::trailers:
      parsed.result = parse_trailers(text, limits, headers);
      break;
  }
  if (parsed.result.status != HeadStatus::complete) return parsed;
  require(parsed.result.consumed <= std::min(bytes.size(), limits.bytes));
  check(headers);
  parsed.method = headers.get(HeaderId::method);
  parsed.path = headers.get(HeaderId::path);
  parsed.authority = headers.get(HeaderId::authority);
  for (const HeaderField& field : headers.fields()) {
    if (field.removed() || is_pseudo(field.id)) continue;
    ++parsed.count;
    parsed.joined |= is_single(field.id) && field.value.find(',') != std::string_view::npos;
    parsed.fields.append(field.name).append(": ").append(field.value).append("\n");
  }
  if (kind == Kind::request)
    parsed.framing_error = request_framing(headers, parsed.request, parsed.framing, parsed.length);
  if (kind == Kind::response)
    parsed.framing_error =
        response_framing(headers, parsed.status, "GET", parsed.framing, parsed.length);
  if (kind != Kind::trailers) write(headers, kind, parsed);
  return parsed;
}

// --- The second opinion.

struct Second {
  int headers = 0;
  bool complete = false;
};

Second& second(llhttp_t* parser) { return *static_cast<Second*>(parser->data); }

const llhttp_settings_t& settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field_complete = [](llhttp_t* p) {
      ++second(p).headers;
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) {
      second(p).complete = true;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return made;
}

/// What llhttp is stricter about, and why that is right for it and not for us, or the other way
/// round.
bool is_left_alone(const Parsed& parsed, std::string_view head, Kind kind) {
  // All versions of a request but 1.1 are as 1.0 to us; it knows few of them.
  if (kind == Kind::request && parsed.request.minor_version == 0 &&
      !head.substr(0, head.find('\r')).ends_with(" HTTP/1.0"))
    return true;
  // It looks into the values of these two, and into those of upgrades.
  if (parsed.fields.find("upgrade") != std::string::npos) return true;
  if (parsed.method == "CONNECT") return true;
  // Its methods differ, and the targets of some of them.
  static constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "POST",  "PUT",
                                                  "DELETE", "OPTIONS", "PATCH", "TRACE"};
  if (!parsed.method.empty() &&
      std::find(std::begin(kMethods), std::end(kMethods), parsed.method) == std::end(kMethods))
    return true;
  return head.empty();
}

void compare(const Parsed& ours, std::string_view head, Kind kind) {
  if (is_left_alone(ours, head, kind) || ours.framing_error != Http1Error::none) return;
  Second other;
  llhttp_t parser;
  llhttp_init(&parser, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings());
  parser.data = &other;
  const llhttp_errno_t error = llhttp_execute(&parser, head.data(), head.size());
  require(error == HPE_PAUSED && other.complete);
  require(parser.http_major == 1);
  if (kind == Kind::request) {
    require(parser.http_minor == ours.request.minor_version);
    require(ours.method == llhttp_method_name(static_cast<llhttp_method_t>(parser.method)));
  } else {
    require(parser.http_minor == ours.status.minor_version);
    require(parser.status_code == ours.status.status);
  }
  const bool chunked = (parser.flags & F_CHUNKED) != 0;
  const bool counted = (parser.flags & F_CONTENT_LENGTH) != 0;
  switch (ours.framing) {
    case BodyFraming::chunked:
      require(chunked && !counted);
      break;
    case BodyFraming::length:
      require(!chunked && counted && parser.content_length == ours.length);
      break;
    case BodyFraming::none:
      if (kind == Kind::request) require(!chunked && parser.content_length == 0);
      break;
    case BodyFraming::until_close:
      require(!chunked && !counted);
      break;
    case BodyFraming::tunnel:
      require(false);
  }
  // A request's Host has become its authority.
  const auto count = static_cast<std::size_t>(other.headers);
  require(count == ours.count || (kind == Kind::request && count == ours.count + 1) ||
          (ours.joined && count > ours.count));
}

void check_pieces(std::string_view bytes, Kind kind, const HeadLimits& limits,
                  const Parsed& whole) {
  std::size_t seen = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Parsed part = parse(bytes.substr(0, size), kind, limits);
    const bool same = part.result.status == whole.result.status;
    if (part.result.status == HeadStatus::failed)
      require(same && (part.result.error == whole.result.error ||
                       part.result.error == Http1Error::head_too_large));
    if (part.result.status == HeadStatus::complete) {
      require(part.result.consumed <= size);
      require(same && part.fields == whole.fields && part.result.consumed == whole.result.consumed);
    }
    // Not worth another try: then it has no other result.
    if (seen > 0 && !worth_parsing(bytes.substr(0, size), seen) && size <= limits.bytes)
      require(part.result.status != HeadStatus::complete);
    if (part.result.status == HeadStatus::incomplete) seen = size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kind = static_cast<Kind>(data[0] % 3);
  HeadLimits limits;
  if ((data[0] & 4) != 0) limits.bytes = 100;
  if ((data[0] & 8) != 0) limits.headers = 3;
  limits.underscores = static_cast<HttpOptions::Underscores>((data[0] >> 4) % 3);
  const Parsed whole = parse(bytes, kind, limits);
  if (size < 200) check_pieces(bytes, kind, limits, whole);
  if (whole.result.status != HeadStatus::complete || kind == Kind::trailers) return 0;
  require(whole.count <= limits.headers);
  // The connection manager refuses a path that begins with anything else: http://host?query.
  if (!whole.path.empty() && whole.path.front() != '/' && whole.path != "*") return 0;
  const std::string_view head = bytes.substr(0, whole.result.consumed);
  if (limits.underscores != HttpOptions::Underscores::drop) compare(whole, head, kind);

  // Written and read again it is the same.
  HeadLimits wide;
  wide.bytes = 1 << 20;
  wide.headers = 100000;
  const Parsed again = parse(whole.written, kind, wide);
  require(again.result.status == HeadStatus::complete);
  require(again.result.consumed == whole.written.size());
  require(again.fields == whole.fields && again.method == whole.method);
  require(again.path == whole.path && again.authority == whole.authority);
  require(again.status.status == whole.status.status);
  return 0;
}
