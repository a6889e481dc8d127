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
    require(line == "null" ||
            std::all_of(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }));
    return;
  }
  std::size_t at = 1;
  while (at < line.size() && line[at] != '"') {
    require(static_cast<unsigned char>(line[at]) >= 0x20);
    at += line[at] == '\\' ? 2 : 1;
  }
  require(at + 1 == line.size());
}

Record record_with(std::string_view text) {
  Record record;
  record.requested_server_name = text;
  record.upstream_cluster = text;
  record.response_code_details = text;
  record.listener_name = text;
  return record;
}

void check_text(std::string_view format, std::string_view value) {
  const auto compiled = Format::text(format);
  std::string line;
  if (!compiled) return require(!compiled.error().message.empty());
  compiled->render(record_with(value), line);
}

void check_json(std::string_view format, std::string_view value) {
  JsonTemplate object;
  object.members.push_back({"k", {JsonTemplate::Kind::text, std::string(format), {}}});
  for (const auto values : {JsonValues::as_strings, JsonValues::typed}) {
    const auto compiled = Format::json(object, values);
    if (!compiled) continue;
    std::string line;
    compiled->render(record_with(value), line);
    require_one_member(line);
  }
}

void check_value(std::string_view value) {
  static const Format format = *Format::text("%REQUESTED_SERVER_NAME%%UPSTREAM_CLUSTER%");
  std::string line;
  format.render(record_with(value), line);
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
  check_text(format, value);
  check_json(format, value);
  check_value(value);
  return 0;
}
