// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/response_flags.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace weir::access_log {
namespace {

struct Entry {
  ResponseFlag flag;
  std::string_view code;
};

// In the order in which they are printed.
constexpr Entry kEntries[] = {
    {ResponseFlag::no_healthy_upstream, "UH"},
    {ResponseFlag::upstream_connection_failure, "UF"},
    {ResponseFlag::upstream_overflow, "UO"},
    {ResponseFlag::no_route_found, "NR"},
    {ResponseFlag::upstream_retry_limit_exceeded, "URX"},
    {ResponseFlag::no_cluster_found, "NC"},
    {ResponseFlag::duration_timeout, "DT"},
    {ResponseFlag::upstream_connection_termination, "UC"},
    {ResponseFlag::downstream_connection_termination, "DC"},
    {ResponseFlag::stream_idle_timeout, "SI"},
    {ResponseFlag::overload_manager, "OM"},
    {ResponseFlag::downstream_protocol_error, "DPE"},
};

// Codes for what happens to requests, and for what this proxy does not do.
constexpr std::string_view kNeverSet[] = {"LH",   "UT",   "LR",   "UR", "DI",    "FI",
                                          "RL",   "UAEX", "RLSE", "IH", "UMSDR", "RFCF",
                                          "NFCF", "UPE",  "DF",   "DO", "DR",    "UDO"};

}  // namespace

std::string ResponseFlags::to_string() const {
  std::string text;
  for (const Entry& entry : kEntries) {
    if (!has(entry.flag)) continue;
    if (!text.empty()) text += ',';
    text += entry.code;
  }
  return text.empty() ? "-" : text;
}

std::optional<ResponseFlags> response_flag_of(std::string_view code) {
  for (const Entry& entry : kEntries)
    if (entry.code == code) return ResponseFlags{static_cast<std::uint32_t>(entry.flag)};
  if (std::find(std::begin(kNeverSet), std::end(kNeverSet), code) != std::end(kNeverSet))
    return ResponseFlags{};
  return std::nullopt;
}

}  // namespace weir::access_log
