// SPDX-License-Identifier: Apache-2.0
#include "init/cli/value_parser.hpp"

#include <algorithm>
#include <charconv>

#include "init/cli/value_list.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kHighestId = 0xfffffffe;  // -1 means "no change" to the kernel
constexpr std::size_t kInterfaceNameMax = 15;     // IFNAMSIZ - 1

Error value_error(const RawValue& value, std::string_view reason) {
  return Error{value.source + ": '" + value.text + "': " + std::string(reason)};
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

// Dotted decimal with an optional length, and nothing unusual: what long lists are made of.
// Anything else is left to CidrRange::parse, which also finds the words for what is wrong.
std::optional<CidrRange> parse_plain_v4(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint32_t address = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0 && (at == end || *at++ != '.')) return std::nullopt;
    std::uint32_t number = 0;
    const char* const begin = at;
    while (at != end && *at >= '0' && *at <= '9' && at - begin < 3)
      number = number * 10 + (*at++ - '0');
    if (at == begin || number > 255 || (at - begin > 1 && *begin == '0')) return std::nullopt;
    address = (address << 8) | number;
  }
  unsigned length = 32;
  if (at != end) {
    if (*at++ != '/') return std::nullopt;
    const auto number = parse_number({at, static_cast<std::size_t>(end - at)}, 32);
    if (!number) return std::nullopt;
    length = *number;
  }
  return CidrRange(IpAddress::v4(address), length);
}

bool is_interface_name(std::string_view name) {
  if (name.empty() || name.size() > kInterfaceNameMax || name == "." || name == "..") return false;
  // What the kernel allows, less what cannot be written in a rule.
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < 127 && c != '/' && c != ':' && c != '"' && c != '\\' && c != '*';
  });
}

// Errors are the reason alone.
Result<InterfacePattern> parse_interface(std::string_view text) {
  InterfacePattern pattern{std::string(text), text.ends_with('+')};
  if (pattern.prefix) pattern.name.pop_back();
  if (!is_interface_name(pattern.name))
    return Error{"not an interface name (1 to 15 characters, '+' at the end for a prefix)"};
  return pattern;
}

}  // namespace

Result<bool> parse_boolean(const RawValue& value) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value.text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value.text == no) return false;
  return value_error(value, "neither true nor false");
}

Result<std::uint16_t> parse_port(const RawValue& value) {
  const auto port = parse_number(value.text, 65535);
  if (!port || *port == 0) return value_error(value, "not a port from 1 to 65535");
  return static_cast<std::uint16_t>(*port);
}

Result<PortSet> parse_ports(const RawValue& value, Star star, const Environment& environment) {
  TRY(const ValueList list, ValueList::read(value, environment));
  std::vector<PortRange> ranges;
  for (const auto& item : list.items()) {
    if (item.text == "*") {
      if (star == Star::refused) return list.error(item, "not allowed here: name the ports");
      if (list.items().size() > 1) return list.error(item, "stands alone, not in a list");
      return PortSet::all();
    }
    std::string text(item.text);
    std::replace(text.begin(), text.end(), ':', '-');
    const auto range = PortRange::parse(text);
    if (!range) return list.error(item, range.error().message);
    ranges.push_back(*range);
  }
  std::sort(ranges.begin(), ranges.end());
  PortSet ports;
  for (const PortRange& range : ranges) ports.add(range);
  return ports;
}

Result<CidrList> parse_cidrs(const RawValue& value, Star star, const Environment& environment) {
  TRY(const ValueList list, ValueList::read(value, environment));
  CidrList cidrs;
  cidrs.ranges.reserve(list.items().size());
  for (const auto& item : list.items()) {
    if (item.text == "*") {
      if (star == Star::refused) return list.error(item, "not allowed here: name the prefixes");
      if (list.items().size() > 1) return list.error(item, "stands alone, not in a list");
      return CidrList{true, {}};
    }
    if (const auto plain = parse_plain_v4(item.text)) {
      cidrs.ranges.push_back(*plain);
      continue;
    }
    const auto range = CidrRange::parse(item.text);
    if (!range) {
      // The item is quoted by the list already.
      const std::string repeated = "cidr '" + std::string(item.text) + "': ";
      std::string_view reason = range.error().message;
      if (reason.starts_with(repeated)) reason.remove_prefix(repeated.size());
      return list.error(item, reason);
    }
    cidrs.ranges.push_back(*range);
  }
  return cidrs;
}

Result<CidrRange> parse_loopback(const RawValue& value) {
  const auto range = CidrRange::parse(value.text);
  if (!range) return Error{value.source + ": " + range.error().message};
  const CidrRange loopback(IpAddress::v4(0x7f000000), 8);
  if (!loopback.contains(range->address()) || range->length() < loopback.length())
    return value_error(value, "not a prefix within 127.0.0.0/8");
  return *range;
}

Result<std::vector<InterfacePattern>> parse_interfaces(const RawValue& value) {
  const ValueList list = ValueList::split(value);
  std::vector<InterfacePattern> patterns;
  for (const auto& item : list.items()) {
    auto pattern = parse_interface(item.text);
    if (!pattern) return list.error(item, pattern.error().message);
    patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

Result<std::vector<VirtualNetwork>> parse_virtual_networks(const RawValue& value) {
  const ValueList list = ValueList::split(value);
  std::vector<VirtualNetwork> networks;
  for (const auto& item : list.items()) {
    const auto colon = item.text.find(':');  // of an IPv6 prefix there may be more
    if (colon == std::string_view::npos) return list.error(item, "not INTERFACE:PREFIX");
    auto pattern = parse_interface(item.text.substr(0, colon));
    if (!pattern) return list.error(item, pattern.error().message);
    const auto local = CidrRange::parse(item.text.substr(colon + 1));
    if (!local) return list.error(item, local.error().message);
    networks.push_back({*std::move(pattern), *local});
  }
  return networks;
}

std::optional<std::uint32_t> find_id(std::string_view database, std::string_view name) {
  while (!database.empty()) {
    const std::size_t end = std::min(database.find('\n'), database.size());
    std::string_view line = database.substr(0, end);
    database.remove_prefix(std::min(end + 1, database.size()));
    // name:password:id:…
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    const auto second = line.find(':', name.size() + 1);
    if (second == std::string_view::npos) continue;
    line.remove_prefix(second + 1);
    if (const auto id = parse_number(line.substr(0, line.find(':')), kHighestId)) return id;
  }
  return std::nullopt;
}

Result<std::vector<std::uint32_t>> parse_ids(const RawValue& value, IdKind kind,
                                             const Environment& environment) {
  const std::string path = kind == IdKind::user ? "/etc/passwd" : "/etc/group";
  const ValueList list = ValueList::split(value);
  std::vector<std::uint32_t> ids;
  for (const auto& item : list.items()) {
    if (const auto number = parse_number(item.text, kHighestId)) {
      ids.push_back(*number);
      continue;
    }
    const auto database = environment.read_file(path);
    const auto id = database ? find_id(*database, item.text) : std::nullopt;
    if (!id) return list.error(item, "neither a number nor a name in " + path);
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace weir::init
