// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/http1.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace bench {
namespace {

// Where `line`, or the start of one, begins a line of the head.
std::size_t find_line(std::string_view head, std::string_view line) {
  const auto same = [](char a, char b) {
    return a == b || std::tolower(static_cast<unsigned char>(a)) ==
                         std::tolower(static_cast<unsigned char>(b));
  };
  for (std::size_t at = head.find('\n'); at != head.npos; at = head.find('\n', at)) {
    ++at;
    if (head.size() - at < line.size()) break;
    if (std::equal(line.begin(), line.end(), head.begin() + static_cast<std::ptrdiff_t>(at),
                   same)) {
      return at;
    }
  }
  return head.npos;
}

}  // namespace

std::size_t size_of_head(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  return end == bytes.npos ? 0 : end + 4;
}

std::string first_line(std::string_view head) {
  return std::string(head.substr(0, head.find('\r')));
}

bool has_header(std::string_view head, std::string_view line) {
  const std::size_t at = find_line(head, line);
  return at != head.npos && head.substr(at + line.size(), 2) == "\r\n";
}

std::optional<std::uint64_t> content_length(std::string_view head) {
  constexpr std::string_view kName = "content-length: ";
  const std::size_t at = find_line(head, kName);
  if (at == head.npos) return std::nullopt;
  std::uint64_t value = 0;
  const char* begin = head.data() + at + kName.size();
  if (std::from_chars(begin, head.data() + head.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

void write_id(std::uint64_t id, char* to) {
  for (std::size_t i = kIdDigits; i > 0; --i, id >>= 4) to[i - 1] = "0123456789abcdef"[id & 15];
}

std::optional<std::uint64_t> read_id(std::string_view digits) {
  std::uint64_t id = 0;
  if (digits.size() < kIdDigits) return std::nullopt;
  const char* end = digits.data() + kIdDigits;
  if (std::from_chars(digits.data(), end, id, 16).ptr != end) return std::nullopt;
  return id;
}

std::string reply_head(std::uint64_t bytes) {
  std::string head = "HTTP/1.1 200 OK\r\ncontent-type: ";
  head.append(kContentType).append("\r\ncontent-length: ").append(std::to_string(bytes));
  head.append("\r\ndate: ").append(kDate).append("\r\nserver: ").append(kServer);
  return head.append("\r\n\r\n");
}

}  // namespace bench
