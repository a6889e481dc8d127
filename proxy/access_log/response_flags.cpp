// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/response_flags.hpp"

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

}  // namespace weir::access_log
