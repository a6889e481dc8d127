// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http1/head_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "proxy/http/http1/characters.hpp"

namespace weir::http {
namespace {

// Those that Envoy knows; a method that is not among them is a protocol error.
constexpr std::string_view kMethods[] = {
    "GET",     "POST",     "PUT",        "HEAD",       "DELETE",   "OPTIONS", "PATCH",
    "CONNECT", "TRACE",    "ACL",        "BIND",       "CHECKOUT", "COPY",    "LINK",
    "LOCK",    "MERGE",    "MKACTIVITY", "MKCALENDAR", "MKCOL",    "MOVE",    "MSEARCH",
    "NOTIFY",  "PROPFIND", "PROPPATCH",  "PURGE",      "QUERY",    "REBIND",  "REPORT",
    "SEARCH",  "SOURCE",   "SUBSCRIBE",  "UNBIND",     "UNLINK",   "UNLOCK",  "UNSUBSCRIBE"};

/// A known method as a text that lives for ever; empty: not known.
std::string_view known_method(std::string_view text) {
  for (const std::string_view method : kMethods)
    if (method == text) return method;
  return {};
}

/// Walks over the lines of a head. Each step returns false when it cannot go on; `result` says why.
class HeadReader {
 public:
  HeadReader(std::string_view bytes, const HeadLimits& limits, HeaderMap& out)
      : begin_(bytes.data()),
        at_(begin_),
        end_(begin_ + bytes.size()),
        limits_(limits),
        out_(out) {}

  [[nodiscard]] const HeadLimits& limits() const { return limits_; }
  [[nodiscard]] const char* begin() const { return begin_; }
  [[nodiscard]] const char* at() const { return at_; }
  void move_to(const char* at) { at_ = at; }
  [[nodiscard]] const char* end() const { return end_; }

  bool fail(Http1Error error) {
    if (result.status != HeadStatus::complete) keep_texts();
    result.status = HeadStatus::failed;
    result.error = error;
    return false;
  }
  /// Not all bytes are there: too many without an end fail.
  bool wait() {
    if (static_cast<std::size_t>(end_ - begin_) > limits_.bytes)
      return fail(Http1Error::head_too_large);
    return false;
  }

  /// `at` is at what should be CRLF; goes behind it.
  bool line_end(const char* at) {
    if (at == end_) return wait();
    if (*at != '\r') return fail(*at == '\n' ? Http1Error::bad_line_end : Http1Error::bad_value);
    if (at + 1 == end_) return wait();
    if (at[1] != '\n') return fail(Http1Error::bad_line_end);
    at_ = at + 2;
    return true;
  }

  bool headers() {
    while (true) {
      if (at_ == end_) return wait();
      if (*at_ == '\r' || *at_ == '\n') {
        if (!line_end(at_)) return false;
        result.consumed = static_cast<std::size_t>(at_ - begin_);
        if (result.consumed > limits_.bytes) return fail(Http1Error::head_too_large);
        keep_texts();
        result.status = HeadStatus::complete;
        return true;
      }
      if (!header()) return false;
    }
  }

  HeadResult result;
  std::uint32_t dropped_underscores = 0;
  /// Of a request: Host goes here. nullptr: keep it as a header.
  std::string_view* host = nullptr;
  std::uint32_t hosts = 0;

 private:
  bool header() {
    if (*at_ == ' ' || *at_ == '\t') return fail(Http1Error::folded);
    std::size_t known = 0;
    const auto rest = static_cast<std::size_t>(end_ - at_);
    HeaderId id;
    if (rest >= 80) {
      id = known_name({at_, rest}, known);
    } else {
      // Near the end: the search reads sixteen bytes at a time, and must not read past it.
      char padded[80] = {};
      std::memcpy(padded, at_, rest);
      id = known_name({padded, sizeof padded}, known);
    }
    if (id != HeaderId::none) return value(at_ + known + 1, {}, id, false);
    return other_header();
  }

  bool other_header() {
    // The name in lower case goes where the arena's next text will be: usually it is a known one,
    // and then the place is used again.
    const std::size_t room = std::min<std::size_t>(static_cast<std::size_t>(end_ - at_), 256);
    char* const place = out_.arena().reserve(room);
    std::size_t length = 0;
    const char* at = at_;
    bool underscore = false;
    for (; at != end_; ++at) {
      const char lower = token_lower(*at);
      if (lower == 0) break;
      underscore |= lower == '_';
      if (length == room) return long_name();
      place[length++] = lower;
    }
    if (at == end_) return wait();
    if (*at != ':' || length == 0) {
      const bool ends = *at == '\t' || *at == '\r' || *at == '\n';
      return fail(is_control(*at) && !ends ? Http1Error::bad_value : Http1Error::bad_name);
    }
    const std::string_view name(place, length);
    const HeaderId id = header_id(name);
    if (id == HeaderId::none) out_.arena().commit(place, length);
    return value(at + 1, name, id, underscore);
  }

  /// The rare name of more than 256 characters.
  bool long_name() {
    const char* const stop = std::find_if(at_, end_, [](char c) { return token_lower(c) == 0; });
    if (stop == end_) return wait();
    if (*stop != ':') return fail(Http1Error::bad_name);
    const std::string_view name(at_, static_cast<std::size_t>(stop - at_));
    char* const place = static_cast<char*>(out_.arena().allocate(name.size(), 1));
    std::transform(name.begin(), name.end(), place, token_lower);
    const bool underscore = name.find('_') != std::string_view::npos;
    return value(stop + 1, {place, name.size()}, HeaderId::none, underscore);
  }

  bool value(const char* from, std::string_view name, HeaderId id, bool underscore) {
    while (from != end_ && (*from == ' ' || *from == '\t')) ++from;
    const char* const stop = find_control(from, end_, begin_);
    if (!line_end(stop)) return false;
    const char* last = stop;
    while (last != from && (last[-1] == ' ' || last[-1] == '\t')) --last;
    if (underscore && limits_.underscores != HttpOptions::Underscores::allow) {
      if (limits_.underscores == HttpOptions::Underscores::reject)
        return fail(Http1Error::underscore);
      ++dropped_underscores;
      return true;
    }
    if (++count_ > limits_.headers)
      return fail(static_cast<std::size_t>(stop - begin_) > limits_.bytes
                      ? Http1Error::head_too_large
                      : Http1Error::too_many_headers);
    const std::string_view text(from, static_cast<std::size_t>(last - from));
    if (id == HeaderId::host && host != nullptr) {
      ++hosts;
      *host = text;
      return true;
    }
    out_.append({id == HeaderId::none ? name : header_name(id), text, id});
    return true;
  }

  /// The values are still the caller's: one copy of all that was read makes them the arena's.
  void keep_texts() {
    const std::string_view read(begin_, static_cast<std::size_t>(at_ - begin_));
    const char* const copy = out_.arena().copy(read).data();
    out_.rebase(begin_, at_, copy);
    if (host == nullptr || host->data() == nullptr) return;
    if (host->data() >= begin_ && host->data() < at_)
      *host = {copy + (host->data() - begin_), host->size()};
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const HeadLimits& limits_;
  HeaderMap& out_;
  std::uint32_t count_ = 0;
};

/// Splits the absolute-form target whose scheme ends at `colon`; false: there is no authority.
bool split_absolute(std::string_view target, std::size_t colon, std::string_view& authority,
                    std::string_view& path) {
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t slash = rest.find_first_of("/?#");
  authority = rest.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view("/") : rest.substr(slash);
  // Who asks is nobody's business (RFC 9110 §4.2.4).
  if (const std::size_t user = authority.rfind('@'); user != std::string_view::npos)
    authority.remove_prefix(user + 1);
  return !authority.empty();
}

/// "", or ":port" with a number that a port may have.
bool is_port(std::string_view text) {
  if (text.empty()) return true;
  text.remove_prefix(1);
  if (text.empty() || text.size() > 5) return false;
  std::uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return port <= 65535;
}

bool has_good_port(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return colon == std::string_view::npos || is_port(authority.substr(colon));
}

/// What Envoy lets stand in an authority: more than a host may have, but nothing that ends one.
constexpr auto kAuthority = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x21; c < 0x7f; ++c) table[c] = true;
  for (const char c : std::string_view("\"#/<>?\\^`{|}"))
    table[static_cast<unsigned char>(c)] = false;
  return table;
}();
bool is_authority(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return kAuthority[static_cast<unsigned char>(c)]; });
}

struct Target {
  std::string_view scheme;  // "" = origin-form
  std::string_view authority;
  std::string_view path;
};

Http1Error read_target(std::string_view text, std::string_view method, bool absolute,
                       HeaderMap& out, Target& target) {
  Arena& arena = out.arena();
  if (method == "CONNECT") {
    const std::size_t bracket = text.front() == '[' ? text.find(']') : 0;
    const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == 0 || colon == std::string_view::npos || !is_port(text.substr(colon)) ||
        text.find_first_of("/?@") != std::string_view::npos)
      return Http1Error::bad_target;
    target.authority = arena.copy(text);
    return Http1Error::none;
  }
  if (text.front() == '/' || (text == "*" && method == "OPTIONS")) {
    target.path = text;  // kept with all the rest
    return Http1Error::none;
  }
  if (text == "*") return Http1Error::bad_target;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return Http1Error::bad_request_line;
  if (!absolute) {
    target.path = text;
    return Http1Error::none;
  }
  target.scheme = text.substr(0, colon);
  if (!equals_ignoring_case(target.scheme, "http") && !equals_ignoring_case(target.scheme, "https"))
    return Http1Error::bad_scheme;
  if (!split_absolute(text, colon, target.authority, target.path) ||
      !has_good_port(target.authority))
    return Http1Error::bad_target;
  target.scheme = target.scheme.size() == 4 ? "http" : "https";
  target.authority = arena.copy(target.authority);
  target.path = arena.copy(target.path);
  return Http1Error::none;
}

/// "HTTP/1.0" or "HTTP/1.1".
bool read_version(std::string_view text, std::uint8_t& minor) {
  if (text.size() != 8 || std::memcmp(text.data(), "HTTP/1.", 7) != 0) return false;
  minor = static_cast<std::uint8_t>(text[7] - '0');
  return minor <= 1;
}

bool finish_request_line(HeadReader& reader, std::string_view text, std::string_view method,
                         HeaderMap& out, Target& target) {
  const Http1Error error = read_target(text, method, reader.limits().absolute_targets, out, target);
  return error == Http1Error::none || reader.fail(error);
}

/// "HTTP/" digit "." digit. Whoever speaks another version than 1.1 is answered as if it were 1.0.
bool read_request_version(std::string_view text, std::uint8_t& minor) {
  if (read_version(text, minor)) return true;
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  minor = 0;
  return text.size() == 8 && text.starts_with("HTTP/") && digit(5) && text[6] == '.' && digit(7);
}

/// The error that an unexpected character of the request line is.
Http1Error misplaced(char c, Http1Error otherwise) {
  const bool ends = c == '\r' || c == '\n' || c == '\t';
  return is_control(c) && !ends ? Http1Error::bad_value : otherwise;
}

bool request_line(HeadReader& reader, HeaderMap& out, RequestLine& line, Target& target,
                  std::string_view& method) {
  const char* const begin = reader.at();
  const char* const end = reader.end();
  const char* at = begin;
  if (end - begin >= 4 && std::memcmp(begin, "GET ", 4) == 0) {
    method = "GET";
    at = begin + 3;
  } else {
    while (at != end && token_lower(*at) != 0 && at - begin < 32) ++at;
    if (at == end) return reader.wait();
    if (*at != ' ' || at == begin)
      return reader.fail(at == begin ? Http1Error::bad_request_line
                                     : misplaced(*at, Http1Error::bad_request_line));
    method = known_method({begin, static_cast<std::size_t>(at - begin)});
    if (method.empty()) return reader.fail(Http1Error::bad_method);
  }
  const char* const from = ++at;
  at = find_target_end(at, end, reader.begin());
  if (at == end) return reader.wait();
  if (at == from) return reader.fail(misplaced(*at, Http1Error::bad_request_line));
  const std::string_view text(from, static_cast<std::size_t>(at - from));
  if (*at == '\r') {
    line.minor_version = 0;  // the request line of HTTP/0.9
  } else {
    if (*at != ' ') return reader.fail(misplaced(*at, Http1Error::bad_version));
    const char* const version = ++at;
    if (end - at >= 10 && std::memcmp(at, "HTTP/1.1\r\n", 10) == 0) {
      line.minor_version = 1;
      reader.move_to(at + 10);
      return finish_request_line(reader, text, method, out, target);
    }
    at = find_control(at, end, reader.begin());
    if (at == end) return reader.wait();
    if (!read_request_version({version, static_cast<std::size_t>(at - version)},
                              line.minor_version))
      return reader.fail(misplaced(*at, Http1Error::bad_version));
  }
  if (!reader.line_end(at)) return false;
  return finish_request_line(reader, text, method, out, target);
}

}  // namespace

std::string_view describe(Http1Error error) noexcept {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Http1Error::count_)> kTexts = {
      "nothing",
      "the request line is not METHOD TARGET VERSION",
      "the method is not known",
      "the target is not a path, an absolute http URL or *",
      "the version is not HTTP/digit.digit",
      "the status line is not VERSION STATUS REASON",
      "a header name has a character that it may not have",
      "a header value has a control character",
      "a line does not end with CR LF",
      "a header line begins with a blank",
      "the head is too large",
      "there are too many headers",
      "a header name has an underscore",
      "Content-Length is not one number",
      "Transfer-Encoding is not chunked",
      "Content-Length and Transfer-Encoding stand side by side",
      "Transfer-Encoding in HTTP/1.0",
      "a chunk is not well formed",
      "the trailers are too large",
      "Connection names a header that is not its business",
      "the target's scheme is neither http nor https",
      "the authority has a character that it may not have",
  };
  return kTexts[static_cast<std::size_t>(error)];
}

HeadResult parse_request_head(std::string_view bytes, const HeadLimits& limits, HeaderMap& out,
                              RequestLine& line) {
  HeadReader reader(bytes, limits, out);
  std::string_view method;
  Target target;
  if (!request_line(reader, out, line, target, method)) return reader.result;
  out.add_static(HeaderId::authority, {});
  out.add_static(HeaderId::path, target.path);
  out.add_static(HeaderId::method, method);
  out.add_static(HeaderId::scheme, target.scheme.empty() ? "http" : target.scheme);
  line.absolute = !target.scheme.empty();
  std::string_view host;
  reader.host = &host;
  if (!reader.headers()) return reader.result;
  line.dropped_underscores = reader.dropped_underscores;
  if (reader.hosts > 1) {
    reader.fail(Http1Error::bad_request_line);
    return reader.result;
  }
  // The target's authority counts more than Host (RFC 9112 §3.2.2).
  if (!target.authority.empty()) host = target.authority;
  if (!is_authority(host)) {
    reader.fail(Http1Error::bad_authority);
    return reader.result;
  }
  if (reader.hosts == 0 && target.authority.empty())
    out.remove(HeaderId::authority);
  else
    out.set_static(HeaderId::authority, host);
  if (target.path.empty()) out.remove(HeaderId::path);
  return reader.result;
}

HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits, HeaderMap& out,
                               StatusLine& line) {
  HeadReader reader(bytes, limits, out);
  const char* const at = reader.at();
  const auto there = static_cast<std::size_t>(reader.end() - at);
  constexpr std::string_view kShape = "HTTP/1.x 200";
  if (there < kShape.size() + 1) {
    constexpr std::string_view kBegin = "HTTP/1.";
    // A line that ends here is too short to become one.
    if (std::string_view(at, std::min(there, kBegin.size())) != kBegin.substr(0, there) ||
        find_control(at, reader.end(), reader.begin()) != reader.end())
      reader.fail(Http1Error::bad_status_line);
    return reader.result;
  }
  const auto digit = [&](std::size_t i) { return at[i] >= '0' && at[i] <= '9'; };
  if (!read_version({at, 8}, line.minor_version) || at[8] != ' ' || !digit(9) || !digit(10) ||
      !digit(11) || at[9] == '0') {
    reader.fail(Http1Error::bad_status_line);
    return reader.result;
  }
  line.status =
      static_cast<std::uint16_t>((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
  // The reason may be missing, with its blank or without.
  if (at[12] != ' ' && at[12] != '\r') {
    reader.fail(Http1Error::bad_status_line);
    return reader.result;
  }
  if (!reader.line_end(find_control(at + 12, reader.end(), reader.begin()))) return reader.result;
  out.add(HeaderId::status, {at + 9, 3});
  reader.headers();
  return reader.result;
}

HeadResult parse_trailers(std::string_view bytes, const HeadLimits& limits, HeaderMap& out) {
  HeadReader reader(bytes, limits, out);
  if (!reader.headers()) return reader.result;
  for (const HeaderId id : {HeaderId::content_length, HeaderId::transfer_encoding, HeaderId::host,
                            HeaderId::trailer, HeaderId::connection, HeaderId::te})
    out.remove(id);
  return reader.result;
}

bool worth_parsing(std::string_view bytes, std::size_t seen) noexcept {
  std::size_t at = seen < 3 ? 0 : seen - 3;
  while ((at = bytes.find('\n', at)) != std::string_view::npos) {
    // The end of the head, or a line end that will be refused.
    if (at == 0 || bytes[at - 1] != '\r') return true;
    if (at >= 2 && bytes[at - 2] == '\n') return true;
    if (at == 1) return true;
    ++at;
  }
  return false;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

bool has_token(std::string_view text, std::string_view word) noexcept {
  if (text == word) return true;
  if (text.size() <= word.size() && text.find(',') == std::string_view::npos)
    return equals_ignoring_case(text, word);
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equals_ignoring_case(item, word)) return true;
    if (comma == std::string_view::npos) return false;
    text.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace weir::http
