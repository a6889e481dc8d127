// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "common/json_writer.hpp"
#include "init/explain/preflight.hpp"

namespace weir::init {
namespace {

std::string_view level_name(FindingLevel level) {
  static constexpr std::string_view kNames[] = {"ok", "warning", "problem"};
  return kNames[static_cast<std::size_t>(level)];
}

// The value behind `NAME:` in a status file, without blanks in front.
std::string_view value_of(std::string_view status, std::string_view name) {
  const auto at = status.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view line = status.substr(at + name.size());
  line = line.substr(0, line.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

// "Uid:" and "Gid:" have four numbers: real, effective, saved, file system's.
std::optional<std::uint32_t> effective_id(std::string_view ids) {
  const auto tab = ids.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  ids.remove_prefix(tab + 1);
  std::uint32_t id = 0;
  if (std::from_chars(ids.data(), ids.data() + ids.size(), id).ec != std::errc{})
    return std::nullopt;
  return id;
}

}  // namespace

std::string preflight_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    std::string level(level_name(finding.level));
    level.resize(9, ' ');
    text += level + finding.subject + ": " + finding.text + "\n";
    if (!finding.remedy.empty()) text += std::string(9, ' ') + "→ " + finding.remedy + "\n";
  }
  return text;
}

std::string preflight_json(const std::vector<Finding>& findings) {
  JsonWriter json;
  json.begin_object();
  json.key("ready").boolean(preflight_code(findings) == ExitCode::ok);
  json.key("findings").begin_array();
  for (const Finding& finding : findings) {
    json.begin_object();
    json.key("level").string(level_name(finding.level));
    json.key("subject").string(finding.subject);
    json.key("text").string(finding.text);
    if (!finding.remedy.empty()) json.key("remedy").string(finding.remedy);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

// A line: address (32 digits), interface index, prefix length, scope, flags, name; scope 00 is
// global. Source: net/ipv6/addrconf.c, if6_seq_show().
std::vector<std::string> parse_ipv6_addresses(std::string_view text) {
  std::vector<std::string> addresses;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    constexpr std::size_t kDigits = 32;
    if (line.size() < 44 || line.substr(39, 2) != "00") continue;
    std::uint8_t bytes[16] = {};
    for (std::size_t i = 0; i < kDigits; i += 2)
      std::from_chars(line.data() + i, line.data() + i + 2, bytes[i / 2], 16);
    // ::6 on lo is ours.
    if (line.ends_with(" lo")) continue;
    addresses.push_back(IpAddress::v6(bytes).to_string());
  }
  return addresses;
}

std::optional<ProcessFact> parse_process(int pid, std::string_view status) {
  const auto uid = effective_id(value_of(status, "\nUid:"));
  const auto gid = effective_id(value_of(status, "\nGid:"));
  if (!uid || !gid) return std::nullopt;
  return ProcessFact{pid, std::string(value_of(status, "Name:")), *uid, *gid};
}

}  // namespace weir::init
