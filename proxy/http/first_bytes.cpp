// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/first_bytes.hpp"

#include <algorithm>

namespace weir::http {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// RFC 9110 §5.6.2.
constexpr bool is_token_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// Takes the first word and the blanks after it off `line`.
std::string_view take_word(std::string_view& line) {
  const auto end = std::find_if(line.begin(), line.end(), is_blank);
  const std::string_view word(line.begin(), end);
  line.remove_prefix(word.size());
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  return word;
}

FirstBytes classify_version(std::string_view version) {
  constexpr std::string_view kName = "HTTP/";
  const bool is_version = version.size() == kName.size() + 3 && version.starts_with(kName) &&
                          is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!is_version) return FirstBytes::not_http;
  return version == "HTTP/1.1" ? FirstBytes::http11 : FirstBytes::http10;
}

/// `line` without its end.
FirstBytes classify_line(std::string_view line) {
  const std::string_view method = take_word(line);
  const std::string_view target = take_word(line);
  const std::string_view version = take_word(line);
  if (target.empty() || !line.empty()) return FirstBytes::not_http;
  if (!version.empty()) return classify_version(version);
  return method == "GET" && target.front() == '/' ? FirstBytes::http10 : FirstBytes::not_http;
}

/// Whether a request line may begin like this.
bool may_begin(std::string_view bytes) {
  const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_token_char);
  if (end == bytes.end()) return true;
  return end != bytes.begin() && is_blank(*end) && std::all_of(end, bytes.end(), is_ascii);
}

}  // namespace

FirstBytes classify_first_bytes(std::string_view bytes) {
  if (bytes.starts_with(kPreface)) return FirstBytes::http2;
  if (kPreface.starts_with(bytes)) return FirstBytes::need_more;
  const std::string_view seen = bytes.substr(0, kMaxFirstBytes);
  const std::size_t end = seen.find('\n');
  std::string_view line = seen.substr(0, end);
  if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
  if (!may_begin(line)) return FirstBytes::not_http;
  if (end != std::string_view::npos) return classify_line(line);
  return bytes.size() < kMaxFirstBytes ? FirstBytes::need_more : FirstBytes::too_long;
}

}  // namespace weir::http
