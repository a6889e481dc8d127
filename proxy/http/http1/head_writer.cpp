// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http1/head_writer.hpp"

#include <cstring>

#include "proxy/http/http1/characters.hpp"

namespace weir::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

char* put(char* at, std::string_view text) noexcept {
  // memcpy takes no null pointer, which an empty view may have.
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

inline char* put_short(char* at, std::string_view text) noexcept {
  return copy_short(at, text.data(), text.size());
}

char* put_proper(char* at, std::string_view name) noexcept {
  bool upper = true;
  for (const char c : name) {
    *at++ = upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
  }
  return at;
}

/// Whole lines that are in lower case.
char* put_lines(char* at, std::string_view lines, Http1Options::HeaderCase casing) noexcept {
  if (casing != Http1Options::HeaderCase::proper) return put(at, lines);
  while (!lines.empty()) {
    const std::size_t colon = lines.find(':');
    const std::size_t end = lines.find('\n', colon) + 1;
    at = put_proper(at, lines.substr(0, colon));
    at = put(at, lines.substr(colon, end - colon));
    lines.remove_prefix(end);
  }
  return at;
}

char* put_line(char* at, std::string_view name, std::string_view value,
               Http1Options::HeaderCase casing) noexcept {
  at = casing == Http1Options::HeaderCase::proper ? put_proper(at, name) : put_short(at, name);
  *at++ = ':';
  *at++ = ' ';
  at = put_short(at, value);
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

char* put_headers(char* at, const HeaderMap& headers, Http1Options::HeaderCase casing,
                  std::string_view extra, HeaderId left_out) noexcept {
  for (const HeaderField& field : headers.fields()) {
    if (field.removed() || field.name.front() == ':' || field.id == left_out) continue;
    at = put_line(at, field.name, field.value, casing);
  }
  at = put_lines(at, extra, casing);
  return put(at, kLineEnd);
}

}  // namespace

std::size_t head_size(const HeaderMap& headers) noexcept {
  // A request's authority may be written twice: in the target and as Host.
  std::size_t size = 64 + headers.get(HeaderId::authority).size();
  for (const HeaderField& field : headers.fields())
    size += field.name.size() + field.value.size() + 4;
  return size;
}

char* write_request_head(char* at, const HeaderMap& headers, Http1Options::HeaderCase casing,
                         bool full_url, std::string_view extra) noexcept {
  const std::string_view authority = headers.get(HeaderId::authority);
  at = put(at, headers.get(HeaderId::method));
  *at++ = ' ';
  const bool connect = !headers.has(HeaderId::path);  // its target is the authority alone
  if (full_url && !connect) {
    at = put(at, headers.get(HeaderId::scheme));
    at = put(at, "://");
    at = put(at, authority);
  }
  at = put(at, connect ? authority : headers.get(HeaderId::path));
  at = put(at, " HTTP/1.1\r\n");
  at = put_line(at, "host", authority, casing);
  // A filter may have added one of its own.
  return put_headers(at, headers, casing, extra, HeaderId::host);
}

char* write_response_head(char* at, const HeaderMap& headers, std::uint16_t status,
                          Http1Options::HeaderCase casing, std::uint8_t minor_version,
                          std::string_view extra) noexcept {
  at = put(at, minor_version == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  *at++ = static_cast<char>('0' + status / 100);
  *at++ = static_cast<char>('0' + status / 10 % 10);
  *at++ = static_cast<char>('0' + status % 10);
  *at++ = ' ';
  at = put(at, reason_phrase(status));
  at = put(at, kLineEnd);
  return put_headers(at, headers, casing, extra, HeaderId::status);
}

void append_last_chunk(std::string& out, const HeaderMap* trailers) {
  out += "0\r\n";
  if (trailers != nullptr) {
    for (const HeaderField& field : trailers->fields()) {
      if (field.removed()) continue;
      out += field.name;
      out += ": ";
      out += field.value;
      out += kLineEnd;
    }
  }
  out += kLineEnd;
}

char* write_chunk_size(char* at, std::uint64_t size) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char digits[16];
  int count = 0;
  do {
    digits[count++] = kDigits[size & 15];
    size >>= 4;
  } while (size != 0);
  while (count > 0) *at++ = digits[--count];
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

std::string_view reason_phrase(std::uint16_t status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 208:
      return "Already Reported";
    case 226:
      return "IM Used";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 305:
      return "Use Proxy";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 423:
      return "Locked";
    case 424:
      return "Failed Dependency";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 506:
      return "Variant Also Negotiates";
    case 507:
      return "Insufficient Storage";
    case 508:
      return "Loop Detected";
    case 510:
      return "Not Extended";
    case 511:
      return "Network Authentication Required";
    case 599:
      return "Last Unassigned Server Error Code";
    default:
      return "Unknown";
  }
}

}  // namespace weir::http
