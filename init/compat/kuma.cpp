// SPDX-License-Identifier: Apache-2.0
// Kuma's transparent proxy. Source of the meanings: kumahq/kuma, pkg/transparentproxy/config and
// pkg/transparentproxy/iptables/builder.
#include <algorithm>

#include "init/cli/config_file.hpp"
#include "init/cli/value_parser.hpp"
#include "init/compat/compat.hpp"
#include "init/compat/kuma_exclusions.hpp"

namespace weir::init {
namespace {

constexpr std::string_view kDefaultUid = "5678";

RawValue of_kuma(std::string text) { return {std::move(text), "Kuma's default"}; }

// A path, "-", or the configuration itself: what a version of Kuma calls --config differs.
bool is_inline(std::string_view value) {
  return value.find('\n') != std::string_view::npos || value.starts_with('{') ||
         value.find(": ") != std::string_view::npos;
}

// In the order of the command line within each flag; a later document wins.
Result<void> add_documents(ForeignValues& values, const Environment& environment) {
  ForeignValues weaker(values.table());
  for (const std::string_view flag :
       {"config-file", "transparent-proxy-config-file", "config", "transparent-proxy-config"})
    for (const RawValue& value : values.all(flag)) {
      if (value.text.empty()) continue;
      if (is_inline(value.text)) {
        const auto document = parse_config_document(value.text);
        if (!document) return document.error().with_context(value.source);
        TRY_VOID(add_foreign_document(*document, value.source, weaker));
        continue;
      }
      TRY(const ConfigNode document, read_config_document(value, environment));
      TRY_VOID(add_foreign_document(document, config_name(value.text), weaker));
    }
  add_weaker(weaker, values);
  return {};
}

void give(const ForeignValues& values, std::string_view name, FlagId id, RawFlags& flags) {
  if (const RawValue* value = values.get(name)) flags.set(id, *value);
}

void give_joined(const ForeignValues& values, std::string_view name, FlagId id, RawFlags& flags) {
  if (const auto value = values.joined(name, ",")) flags.set(id, *value);
}

// The user may be missing in this image's /etc/passwd, unlike in Kuma's: a number is taken as it
// is.
void give_user(const ForeignValues& values, const Environment& environment, RawFlags& flags) {
  const RawValue* user = values.get("kuma-dp-user");
  if (user == nullptr) user = values.get("kuma-dp-uid");
  if (user != nullptr && !user->text.empty()) {
    flags.set(FlagId::proxy_uid, *user);
  } else {
    const auto database = environment.read_file("/etc/passwd");
    const auto named = database ? find_id(*database, "kuma-dp") : std::nullopt;
    flags.set(FlagId::proxy_uid,
              of_kuma(named ? std::to_string(*named) : std::string(kDefaultUid)));
  }
  flags.set(FlagId::proxy_gid, of_kuma("none"));
}

Result<void> give_families(const ForeignValues& values, RawFlags& flags) {
  TRY(const bool disabled, values.is_true("ipv6-disabled"));
  if (disabled) flags.set(FlagId::ipv6, RawValue{"ignore", values.get("ipv6-disabled")->source});
  const RawValue* mode = values.get("ip-family-mode");
  if (mode == nullptr || mode->text.empty() || mode->text == "dualstack") return {};
  if (mode->text != "ipv4")
    return Error{mode->source + ": '" + mode->text + "': neither dualstack nor ipv4"};
  flags.set(FlagId::ipv6, RawValue{"ignore", mode->source});
  return {};
}

// Excluded ports count only where everything else is captured.
Result<void> give_inbound(const ForeignValues& values, RawFlags& flags) {
  give(values, "redirect-inbound-port", FlagId::inbound_port, flags);
  give_joined(values, "exclude-inbound-ips", FlagId::exclude_inbound_cidrs, flags);
  TRY(const bool enabled, values.is_true("redirect-inbound", true));
  if (!enabled) return {};
  const RawValue* included = values.get("redirect.inbound.includePorts");
  if (included != nullptr && !included->text.empty()) {
    flags.set(FlagId::inbound_ports, *included);
    return {};
  }
  flags.set(FlagId::inbound_ports, of_kuma("*"));
  give(values, "exclude-inbound-ports", FlagId::inbound_excluded_ports, flags);
  return {};
}

Result<void> give_outbound(const ForeignValues& values, RawFlags& flags) {
  give(values, "redirect-outbound-port", FlagId::outbound_port, flags);
  give_joined(values, "exclude-outbound-ips", FlagId::outbound_excluded_cidrs, flags);
  TRY(const std::optional<RawValue> exclusions, kuma_user_exclusions(values));
  if (exclusions) flags.set(FlagId::exclude_ports_for_uids, *exclusions);
  TRY(const bool enabled, values.is_true("redirect.outbound.enabled", true));
  if (!enabled) return {};
  const RawValue* included = values.get("redirect.outbound.includePorts");
  if (included != nullptr && !included->text.empty()) {
    flags.set(FlagId::outbound_ports, *included);
    return {};
  }
  flags.set(FlagId::outbound_cidrs, of_kuma("*"));
  give(values, "exclude-outbound-ports", FlagId::outbound_excluded_ports, flags);
  return {};
}

Result<void> give_dns(const ForeignValues& values, RawFlags& flags) {
  give(values, "redirect-dns-port", FlagId::dns_port, flags);
  give(values, "skip-dns-conntrack-zone-split", FlagId::skip_dns_zones, flags);
  TRY(const bool servers, values.is_true("redirect-dns"));
  TRY(const bool all, values.is_true("redirect-all-dns-traffic"));
  if (servers && all)
    return Error{values.get("redirect-dns")->source + " and " +
                 values.get("redirect-all-dns-traffic")->source +
                 ": one of the two, not both; the latter captures all DNS requests"};
  if (servers) give(values, "redirect-dns", FlagId::redirect_dns, flags);
  if (!all) return {};
  give(values, "redirect-all-dns-traffic", FlagId::redirect_dns, flags);
  give(values, "redirect-all-dns-traffic", FlagId::capture_all_dns, flags);
  return {};
}

void give_wait(const ForeignValues& values, RawFlags& flags) {
  const RawValue* wait = values.get("wait");
  if (wait == nullptr || wait->text.empty() || flags.get(FlagId::lock_timeout)) return;
  flags.set(FlagId::lock_timeout, RawValue{wait->text + "s", wait->source});  // seconds there
}

Result<void> read_words(Translation& translation) {
  auto& words = translation.words;
  if (words.size() < 2 || (words[0] != "install" && words[0] != "uninstall")) return {};
  if (words[1] == "transparent-proxy") {
    if (words[0] == "uninstall")
      translation.flags.set(FlagId::cleanup_only, RawValue{"true", "kumactl uninstall"});
    words.erase(words.begin(), words.begin() + 2);
  } else if (words[0] == "install" && words[1] == "transparent-proxy-validator") {
    words.erase(words.begin(), words.begin() + 2);
    words.insert(words.begin(), "verify");
  } else {
    return Error{"argument '" + words[1] + "': kumactl " + words[0] +
                 " is known with transparent-proxy only"};
  }
  return {};
}

}  // namespace

Result<Translation> translate_kuma(std::span<const char* const> arguments,
                                   const Environment& environment) {
  TRY(ForeignCommandLine line, read_foreign_flags(arguments, kuma_flags()));
  add_foreign_variables(environment, line);
  Translation translation{std::move(line.own), std::move(line.words), {}};
  RawFlags& flags = translation.flags;
  ForeignValues& values = line.values;
  TRY_VOID(read_words(translation));
  give(values, "dry-run", FlagId::dry_run, flags);
  if (flags.get(FlagId::cleanup_only) || flags.get(FlagId::help) || flags.get(FlagId::version))
    return translation;
  TRY_VOID(add_documents(values, environment));
  give(values, "dry-run", FlagId::dry_run, flags);
  TRY(translation.notes, judge_foreign(values));
  give_user(values, environment, flags);
  TRY_VOID(give_families(values, flags));
  TRY_VOID(give_inbound(values, flags));
  TRY_VOID(give_outbound(values, flags));
  TRY_VOID(give_dns(values, flags));
  give(values, "drop-invalid-packets", FlagId::drop_invalid, flags);
  if (const auto networks = values.joined("vnet", ","))
    flags.set(FlagId::virtual_networks, *networks);
  give_wait(values, flags);
  flags.set(FlagId::tunnel_port, of_kuma("0"));
  return translation;
}

}  // namespace weir::init
