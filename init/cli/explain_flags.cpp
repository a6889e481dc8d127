// SPDX-License-Identifier: Apache-2.0
#include "init/cli/explain_flags.hpp"

#include <charconv>

#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

Error wrong(const RawValue& value, std::string_view reason) {
  return Error{value.source + ": '" + value.text + "': " + std::string(reason)};
}

Result<void> read_id(const RawFlags& flags, FlagId flag, IdKind kind,
                     const Environment& environment, std::optional<std::uint32_t>& target) {
  const auto& value = flags.get(flag);
  if (!value) return {};
  TRY(const auto ids, parse_ids(*value, kind, environment));
  if (ids.size() != 1) return wrong(*value, "one is needed, not a list");
  target = ids.front();
  return {};
}

Result<void> read_endpoint(const RawFlags& flags, FlagId flag, bool port_needed,
                           std::optional<IpAddress>& address, std::uint16_t& port) {
  const auto& value = flags.get(flag);
  if (!value) return {};
  if (const auto endpoint = Endpoint::parse(value->text)) {
    address = endpoint->address;
    port = endpoint->port;
    return {};
  }
  const auto bare = IpAddress::parse(value->text);
  if (!bare) return wrong(*value, "neither ADDRESS:PORT nor [IPV6]:PORT");
  if (port_needed) return wrong(*value, "the port is missing: ADDRESS:PORT or [IPV6]:PORT");
  address = *bare;
  return {};
}

Result<void> read_protocol(const RawFlags& flags, bool& udp) {
  const auto& value = flags.get(FlagId::explain_protocol);
  if (!value || value->text == "tcp") return {};
  if (value->text != "udp") return wrong(*value, "neither tcp nor udp");
  udp = true;
  return {};
}

Result<void> read_mark(const RawFlags& flags, std::uint32_t& mark) {
  const auto& value = flags.get(FlagId::explain_mark);
  if (!value) return {};
  std::string_view text = value->text;
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mark, base);
  if (error != std::errc{} || end != text.data() + text.size())
    return wrong(*value, "not a number of 32 bits, decimal or 0x…");
  return {};
}

Result<void> read_interface(const RawFlags& flags, std::string& interface) {
  constexpr std::size_t kNameMax = 15;  // IFNAMSIZ without the zero
  const auto& value = flags.get(FlagId::explain_interface);
  if (!value) return {};
  if (value->text.empty() || value->text.size() > kNameMax)
    return wrong(*value, "an interface's name has 1 to 15 bytes");
  interface = value->text;
  return {};
}

}  // namespace

Result<ExplainQuery> read_explain_flags(const RawFlags& flags, const Environment& environment) {
  ExplainQuery query;
  if (const auto& value = flags.get(FlagId::explain_inbound)) {
    TRY(query.inbound, parse_boolean(*value));
  }
  TRY_VOID(read_id(flags, FlagId::explain_uid, IdKind::user, environment, query.uid));
  TRY_VOID(read_id(flags, FlagId::explain_gid, IdKind::group, environment, query.gid));
  TRY_VOID(read_endpoint(flags, FlagId::explain_to, true, query.to, query.to_port));
  TRY_VOID(read_endpoint(flags, FlagId::explain_from, false, query.from, query.from_port));
  TRY_VOID(read_protocol(flags, query.udp));
  TRY_VOID(read_mark(flags, query.mark));
  TRY_VOID(read_interface(flags, query.interface));
  return query;
}

Result<void> check_query(const ExplainQuery& query) {
  if (!query.to) return Error{"explain: --to ADDRESS:PORT is needed: where the connection goes"};
  if (query.from && query.from->family() != query.to->family())
    return Error{"--from '" + query.from->to_string() + "': not of the family of --to '" +
                 query.to->to_string() + "'"};
  if (query.inbound && (query.uid || query.gid))
    return Error{"--inbound: a connection from outside has no --uid and no --gid here"};
  return {};
}

}  // namespace weir::init
