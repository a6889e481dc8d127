// SPDX-License-Identifier: Apache-2.0
#include "inject/traffic.hpp"

#include <algorithm>

#include "common/ip.hpp"
#include "common/port_set.hpp"

namespace weir::inject {
namespace {

constexpr std::size_t kInterfaceNameMax = 15;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Check>
Result<std::string> checked_list(std::string_view text, Check check) {
  std::string out;
  if (trimmed(text).empty()) return out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (item.empty()) continue;  // "80," is what templates make
    if (auto result = check(item); !result) return std::move(result.error());
    if (!out.empty()) out.push_back(',');
    out += item;
  }
  return out;
}

enum class Star : std::uint8_t { allowed, refused };

Result<std::string> ports(std::string_view text, Star star) {
  if (star == Star::allowed && trimmed(text) == "*") return std::string("*");
  return checked_list(text, [](std::string_view item) -> Result<void> {
    if (item == "*") return Error{"'*': not allowed here; name the ports"};
    const auto range = PortRange::parse(item);
    if (!range) return Error{"'" + std::string(item) + "': " + range.error().message};
    return {};
  });
}

Result<std::string> cidrs(std::string_view text, Star star) {
  if (star == Star::allowed && trimmed(text) == "*") return std::string("*");
  return checked_list(text, [](std::string_view item) -> Result<void> {
    if (item == "*") return Error{"'*': not allowed here; name the networks"};
    TRY_VOID(CidrRange::parse(item));
    return {};
  });
}

Result<std::string> interfaces(std::string_view text) {
  return checked_list(text, [](std::string_view item) -> Result<void> {
    const std::string_view name = item.ends_with('+') ? item.substr(0, item.size() - 1) : item;
    const bool good = !name.empty() && name.size() <= kInterfaceNameMax && name != "." &&
                      name != ".." && std::all_of(name.begin(), name.end(), [](char c) {
                        return c > ' ' && c < 127 &&
                               std::string_view("/:\"\\*").find(c) == std::string_view::npos;
                      });
    if (!good) return Error{"'" + std::string(item) + "': not the name of an interface"};
    return {};
  });
}

}  // namespace

Result<bool> read_traffic(std::string_view word, const std::string& value,
                          TrafficSettings& settings) {
  if (word == "includeOutboundIPRanges") {
    TRY(settings.outbound_cidrs, cidrs(value, Star::allowed));
  } else if (word == "excludeOutboundIPRanges") {
    TRY(settings.outbound_excluded_cidrs, cidrs(value, Star::refused));
  } else if (word == "includeInboundPorts") {
    TRY(settings.inbound_ports, ports(value, Star::allowed));
  } else if (word == "excludeInboundPorts") {
    TRY(const std::string more, ports(value, Star::refused));
    if (!more.empty()) settings.inbound_excluded_ports += "," + more;
  } else if (word == "includeOutboundPorts") {
    TRY(settings.outbound_ports, ports(value, Star::allowed));
  } else if (word == "excludeOutboundPorts") {
    TRY(settings.outbound_excluded_ports, ports(value, Star::refused));
  } else if (word == "excludeInterfaces") {
    TRY(settings.excluded_interfaces, interfaces(value));
  } else if (word == "kubevirtInterfaces") {
    TRY(settings.virtual_interfaces, interfaces(value));
  } else {
    return false;
  }
  return true;
}

Result<void> read_mode(const std::string& value, TrafficSettings& settings) {
  if (value != "REDIRECT" && value != "TPROXY")
    return Error{value == "NONE" ? "a sidecar without interception is not supported; label the Pod "
                                   "sidecar.istio.io/inject: \"false\""
                                 : "expected REDIRECT or TPROXY"};
  settings.tproxy = value == "TPROXY";
  return {};
}

std::vector<std::string> init_arguments(const TrafficSettings& settings) {
  std::vector<std::string> out{"-p", std::to_string(kOutboundPort),
                               "-z", std::to_string(kInboundPort),
                               "-u", std::to_string(kProxyUid)};
  const auto always = [&](const char* flag, const std::string& value) {
    out.emplace_back(flag);
    out.push_back(value);
  };
  const auto given = [&](const char* flag, const std::string& value) {
    if (!value.empty()) always(flag, value);
  };
  always("-m", settings.tproxy ? "TPROXY" : "REDIRECT");
  always("-i", settings.outbound_cidrs);
  always("-x", settings.outbound_excluded_cidrs);
  always("-b", settings.inbound_ports);
  always("-d", settings.inbound_excluded_ports);
  given("-q", settings.outbound_ports);
  given("-o", settings.outbound_excluded_ports);
  given("-c", settings.excluded_interfaces);
  given("-k", settings.virtual_interfaces);
  return out;
}

}  // namespace weir::inject
