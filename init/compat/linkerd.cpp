// SPDX-License-Identifier: Apache-2.0
// linkerd's proxy-init. Source of the meanings: linkerd/linkerd2-proxy-init,
// proxy-init/cmd/root.go and pkg/iptables/iptables.go.
#include <charconv>

#include "init/cli/value_parser.hpp"
#include "init/compat/compat.hpp"

namespace weir::init {
namespace {

using enum FlagKind;
using enum ForeignUse;

constexpr ForeignFlag kFlags[] = {
    {"incoming-proxy-port", 'p', text, meaning, "", ""},
    {"outgoing-proxy-port", 'o', text, meaning, "", ""},
    {"proxy-uid", 'u', text, meaning, "", ""},
    {"proxy-gid", 'g', text, meaning, "", ""},
    {"ports-to-redirect", 'r', text, meaning, "", "", true},
    {"inbound-ports-to-ignore", 0, text, meaning, "", "", true},
    {"outbound-ports-to-ignore", 0, text, meaning, "", "", true},
    {"subnets-to-ignore", 0, text, meaning, "", "", true},
    {"simulate", 0, boolean, meaning, "", ""},
    {"netns", 0, text, meaning, "", ""},
    {"use-wait-flag", 'w', boolean, moot, "", ""},
    {"timeout-close-wait-secs", 0, text, meaning, "", ""},
    {"log-format", 0, text, meaning, "", ""},
    {"log-level", 0, text, moot, "", ""},
    {"iptables-mode", 0, text, meaning, "", ""},
    {"ipv6", 0, boolean, meaning, "", ""},
    {"firewall-bin-path", 0, text, meaning, "", ""},
    {"firewall-save-bin-path", 0, text, moot, "", ""},
};

RawValue of_linkerd(std::string text) { return {std::move(text), "linkerd's default"}; }

// -1 and 0 stand for nobody there.
Result<void> give_identity(const ForeignValues& values, std::string_view name, FlagId id,
                           RawFlags& flags) {
  const RawValue* value = values.get(name);
  const bool nobody =
      value == nullptr || value->text.empty() || value->text == "0" || value->text.starts_with('-');
  flags.set(id, nobody ? of_linkerd("none") : *value);
  return {};
}

Result<void> give_port(const ForeignValues& values, std::string_view name, FlagId id,
                       RawFlags& flags) {
  const RawValue* value = values.get(name);
  if (value == nullptr)
    return Error{"flag '--" + std::string(name) + "': missing; linkerd's proxy-init requires it"};
  flags.set(id, *value);
  return {};
}

// There, ignored ports win over listed ones; here, -d counts with -b '*' only. So they are taken
// out of the list.
PortSet without(const PortSet& ports, const PortSet& ignored) {
  PortSet left;
  for (const PortRange& range : ports.ranges()) {
    std::uint32_t first = range.first;
    for (const PortRange& hole : ignored.ranges()) {
      if (hole.last < first || hole.first > range.last) continue;
      if (hole.first > first)
        left.add({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(hole.first - 1)});
      first = hole.last + 1u;
    }
    if (first <= range.last) left.add({static_cast<std::uint16_t>(first), range.last});
  }
  return left;
}

Result<void> give_inbound(const ForeignValues& values, const Environment& environment,
                          RawFlags& flags) {
  const auto listed = values.joined("ports-to-redirect", ",");
  const auto ignored = values.joined("inbound-ports-to-ignore", ",");
  if (ignored) flags.set(FlagId::inbound_excluded_ports, *ignored);
  if (!listed || listed->text.empty()) {
    flags.set(FlagId::inbound_ports, of_linkerd("*"));
    return {};
  }
  TRY(const PortSet ports, parse_ports(*listed, Star::refused, environment));
  PortSet holes;
  if (ignored) {
    TRY(holes, parse_ports(*ignored, Star::refused, environment));
  }
  flags.set(FlagId::inbound_ports, RawValue{without(ports, holes).to_string(), listed->source});
  return {};
}

Result<void> give_close_wait(const ForeignValues& values, RawFlags& flags) {
  const RawValue* value = values.get("timeout-close-wait-secs");
  if (value == nullptr)
    return {};  // the kernel's there; a longer one here, see --close-wait-timeout
  std::uint32_t seconds = 0;
  const std::string& text = value->text;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec != std::errc{} || end != text.data() + text.size())
    return Error{value->source + ": '" + text + "': not a number of seconds"};
  flags.set(FlagId::close_wait_timeout, RawValue{text + "s", value->source});
  return {};
}

// `legacy` is linkerd's default, given by its charts whatever the kernel has: it means no more here
// than that iptables' rules are looked for, which is done anyway.
Result<void> give_backend(const ForeignValues& values, RawFlags& flags) {
  if (const RawValue* mode = values.get("iptables-mode"); mode != nullptr && !mode->text.empty()) {
    if (mode->text != "legacy" && mode->text != "nft" && mode->text != "plain")
      return Error{mode->source + ": '" + mode->text + "': neither legacy, nft nor plain"};
    if (mode->text == "nft") flags.set(FlagId::backend, RawValue{"nftables", mode->source});
  }
  const RawValue* path = values.get("firewall-bin-path");
  if (path != nullptr && path->text.ends_with("iptables-nft"))
    flags.set(FlagId::backend, RawValue{"nftables", path->source});
  return {};
}

Result<void> give_log_format(const ForeignValues& values, RawFlags& flags) {
  const RawValue* format = values.get("log-format");
  if (format == nullptr || format->text.empty() || format->text == "plain") return {};
  if (format->text != "json")
    return Error{format->source + ": '" + format->text + "': neither plain nor json"};
  flags.set(FlagId::log_json, RawValue{"true", format->source});
  return {};
}

Result<void> give_rest(const ForeignValues& values, RawFlags& flags) {
  if (const auto ports = values.joined("outbound-ports-to-ignore", ","))
    flags.set(FlagId::outbound_excluded_ports, *ports);
  if (const auto subnets = values.joined("subnets-to-ignore", ","))
    flags.set(FlagId::exclude_inbound_cidrs, *subnets);
  if (const RawValue* simulate = values.get("simulate")) flags.set(FlagId::dry_run, *simulate);
  if (const RawValue* netns = values.get("netns"); netns != nullptr && !netns->text.empty())
    flags.set(FlagId::network_namespace, *netns);
  TRY(const bool ipv6, values.is_true("ipv6", true));
  if (!ipv6) flags.set(FlagId::ipv6, RawValue{"ignore", values.get("ipv6")->source});
  return {};
}

}  // namespace

std::span<const ForeignFlag> linkerd_flags() { return kFlags; }

Result<Translation> translate_linkerd(std::span<const char* const> arguments,
                                      const Environment& environment) {
  TRY(ForeignCommandLine line, read_foreign_flags(arguments, kFlags));
  add_foreign_variables(environment, line);
  const ForeignValues& values = line.values;
  Translation translation{std::move(line.own), std::move(line.words), {}};
  RawFlags& flags = translation.flags;
  bool cleanup = false;
  if (const auto& own = flags.get(FlagId::cleanup_only)) {
    TRY(cleanup, parse_boolean(*own));
  }
  if (cleanup || flags.get(FlagId::help) || flags.get(FlagId::version)) return translation;
  TRY(translation.notes, judge_foreign(values));
  TRY_VOID(give_port(values, "incoming-proxy-port", FlagId::inbound_port, flags));
  TRY_VOID(give_port(values, "outgoing-proxy-port", FlagId::outbound_port, flags));
  TRY_VOID(give_identity(values, "proxy-uid", FlagId::proxy_uid, flags));
  TRY_VOID(give_identity(values, "proxy-gid", FlagId::proxy_gid, flags));
  TRY_VOID(give_inbound(values, environment, flags));
  TRY_VOID(give_close_wait(values, flags));
  TRY_VOID(give_backend(values, flags));
  TRY_VOID(give_log_format(values, flags));
  TRY_VOID(give_rest(values, flags));
  flags.set(FlagId::outbound_cidrs, of_linkerd("*"));
  flags.set(FlagId::tunnel_port, of_linkerd("0"));
  flags.set(FlagId::own_address, of_linkerd("direct"));
  return translation;
}

}  // namespace weir::init
