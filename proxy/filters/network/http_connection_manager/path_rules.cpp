// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/path_rules.hpp"

#include <vector>

namespace weir::filters {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

/// %2F, %5C in either case.
bool is_escaped_slash(std::string_view path, std::size_t at) {
  if (at + 2 >= path.size() || path[at] != '%') return false;
  const int value = hex_digit(path[at + 1]) * 16 + hex_digit(path[at + 2]);
  return hex_digit(path[at + 1]) >= 0 && hex_digit(path[at + 2]) >= 0 &&
         (value == '/' || value == '\\');
}

/// Escaped slashes as slashes. `found`: there was one.
std::string unescape_slashes(std::string_view path, bool& found) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_escaped_slash(path, i)) {
      out += path[i];
      continue;
    }
    out += path[i + 1] == '2' ? '/' : '\\';
    found = true;
    i += 2;
  }
  return out;
}

/// What may not stand in a path as it is (RFC 3986 §3.3), and is escaped.
bool needs_escape(char c) {
  return std::string_view("\"<>^`{|}").find(c) != std::string_view::npos;
}

void append_escape(std::string& out, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[value / 16];
  out += kDigits[value % 16];
}

/// Whether a digit behind `out` would be read as part of an escape that the client did not write:
/// "%4%41" stays, or the next hop would unescape "%4A" once more.
bool would_make_escape(std::string_view out, int c) {
  if (hex_digit(static_cast<char>(c)) < 0) return false;
  return out.ends_with('%') ||
         (out.size() >= 2 && out[out.size() - 2] == '%' && hex_digit(out.back()) >= 0);
}

/// Unescapes what need not be escaped, escapes what must be; backslashes become slashes. false: an
/// escape that hides a zero byte.
bool unify_escapes(std::string_view path, std::string& out) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') {
      out += '/';
      continue;
    }
    const bool escape = path[i] == '%' && i + 2 < path.size() && hex_digit(path[i + 1]) >= 0 &&
                        hex_digit(path[i + 2]) >= 0;
    if (!escape) {
      if (needs_escape(path[i]))
        append_escape(out, path[i]);
      else
        out += path[i];
      continue;
    }
    const int value = hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]);
    if (value == 0) return false;
    if (is_unreserved(value) && !would_make_escape(out, value))
      out += static_cast<char>(value);
    else
      out += path.substr(i, 3);
    i += 2;
  }
  return true;
}

std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> segments;
  bool ends_in_folder = false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    std::string_view segment = path.substr(at, slash - at);
    // Parameters of a dot segment go with it.
    const std::string_view name = segment.substr(0, segment.find(';'));
    if (name == "." || name == "..") segment = name;
    ends_in_folder = segment == "." || segment == "..";
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (segment != ".") {
      segments.push_back(segment);
    }
    at = slash + 1;
  }
  std::string out;
  for (const std::string_view segment : segments) (out += '/') += segment;
  if (ends_in_folder || out.empty()) out += '/';
  return out;
}

/// A path of slashes only keeps two of them, as in Envoy.
std::string merge(std::string_view path) {
  if (path.find("//") == std::string_view::npos) return std::string(path);
  if (path.find_first_not_of('/') == std::string_view::npos) return "//";
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  return out;
}

}  // namespace

PathResult normalized(const HcmConfig& config, std::string_view whole) {
  using Slashes = HcmConfig::EscapedSlashes;
  const std::size_t query = std::min(whole.find('?'), whole.size());
  std::string path(whole.substr(0, query));
  PathResult result;
  if (config.escaped_slashes != Slashes::keep) {
    bool found = false;
    std::string plain = unescape_slashes(path, found);
    if (found && config.escaped_slashes == Slashes::reject) {
      result.status = PathResult::Status::refused;
      result.path = plain + std::string(whole.substr(query));
      return result;
    }
    if (found && config.escaped_slashes == Slashes::unescape_and_redirect)
      result.status = PathResult::Status::redirect;
    path = std::move(plain);
  }
  if (config.normalize_path) {
    std::string unified;
    if (!unify_escapes(path, unified)) {
      result.status = PathResult::Status::refused;
      return result;
    }
    path = remove_dot_segments(unified);
  }
  if (config.merge_slashes) path = merge(path);
  result.path = path + std::string(whole.substr(query));
  return result;
}

}  // namespace weir::filters
