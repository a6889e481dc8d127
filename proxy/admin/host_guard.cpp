// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/host_guard.hpp"

#include <algorithm>
#include <string>

namespace weir::admin {
namespace {

bool is_port(std::string_view text) {
  return text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "name:port" → "name", "[::1]:80" → "::1". "" when it is neither.
std::string_view host_name(std::string_view host) {
  std::string_view name, rest;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return "";
    name = host.substr(1, end - 1);
    rest = host.substr(end + 1);
  } else {
    name = host.substr(0, host.find(':'));
    rest = host.substr(name.size());
  }
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))) ? name : "";
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

bool names_this_host(std::string_view host, const IpAddress& local) {
  const std::string name = lower_case(host_name(host));
  if (name == "localhost" || name == "localhost.") return true;
  const auto address = IpAddress::parse(name);
  return address && (address->is_loopback() || *address == local);
}

bool is_foreign_origin(std::string_view origin, std::string_view host) {
  if (origin.empty()) return false;
  return lower_case(origin) != "http://" + lower_case(host);
}

}  // namespace weir::admin
