// SPDX-License-Identifier: Apache-2.0
#include "init/manual/command_page.hpp"

#include <algorithm>

namespace weir::init {
namespace {

using enum FlagId;

constexpr FlagId kInstallFlags[] = {outbound_cidrs,
                                    outbound_excluded_cidrs,
                                    outbound_excluded_ports,
                                    inbound_ports,
                                    inbound_excluded_ports,
                                    proxy_uid,
                                    mode,
                                    FlagId::dry_run,
                                    FlagId::verify,
                                    FlagId::confirm,
                                    FlagId::config,
                                    compat};
constexpr Example kInstallExamples[] = {
    {"weir-init -i '*' -b '*' -d 22,15021", "capture everything but two inbound ports"},
    {"weir-init -i '*' -x 203.0.113.0/24 -o 5432", "outbound only, less a prefix and a port"},
    {"weir-init -i '*' -b '*' -m TPROXY", "inbound with the client's address"},
    {"weir-init --config weir.yaml --dry-run", "the rules of a file of flags, as text"},
};
constexpr FlagId kCleanupFlags[] = {network_namespace, FlagId::dry_run, lock_timeout};
constexpr Example kCleanupExamples[] = {{"weir-init cleanup", "also: weir-init --cleanup-only"}};
constexpr FlagId kVerifyFlags[] = {FlagId::json, network_namespace, outbound_cidrs, inbound_ports};
constexpr Example kVerifyExamples[] = {
    {"weir-init verify", "against the flags that the rules were installed with"},
    {"weir-init verify -i '*' -b '*' --json", "against these flags, for a program"}};
constexpr FlagId kStatusFlags[] = {FlagId::json, network_namespace, FlagId::backend};
constexpr Example kStatusExamples[] = {{"weir-init status", ""}, {"weir-init status --json", ""}};
constexpr FlagId kDiffFlags[] = {FlagId::json, network_namespace};
constexpr Example kDiffExamples[] = {
    {"weir-init diff", "what has changed since the installation"},
    {"weir-init diff -i '*' -b 8080", "what an installation with these flags would change"}};
constexpr FlagId kExplainFlags[] = {explain_to,        explain_from,     explain_uid,
                                    explain_gid,       explain_protocol, explain_inbound,
                                    explain_interface, explain_mark,     FlagId::json};
constexpr Example kExplainExamples[] = {
    {"weir-init explain --uid 1000 --to 203.0.113.7:443", "an outbound connection of that user"},
    {"weir-init explain --inbound --from 192.0.2.9 --to 198.51.100.10:8080", "an inbound one"},
    {"weir-init explain --to 203.0.113.7:443 -i '*'", "by the rules that these flags would make"}};
constexpr FlagId kCheckFlags[] = {FlagId::json, explain_uid, FlagId::backend, network_namespace};
constexpr Example kCheckExamples[] = {{"weir-init check --uid 1000", "the workload's user"}};
constexpr FlagId kWatchFlags[] = {FlagId::own_table, network_namespace};
constexpr Example kWatchExamples[] = {{"weir-init watch", ""}};
constexpr FlagId kConfirmFlags[] = {network_namespace};
constexpr Example kConfirmExamples[] = {
    {"weir-init -i '*' --host --confirm 60s", "take the rules back after a minute,"},
    {"weir-init confirm", "unless this is run before"}};
constexpr Example kCompletionExamples[] = {
    {"source <(weir-init completion bash)", "bash, this session"},
    {"weir-init completion zsh > ~/.zfunc/_weir-init", "zsh; ~/.zfunc is in fpath"},
    {"weir-init completion fish > ~/.config/fish/completions/weir-init.fish", "fish"}};
constexpr Example kManExamples[] = {
    {"weir-init man | man -l -", "read it where it is not installed"}};

constexpr CommandPage kPages[] = {
    {Command::install, "install", "[flags]",
     "put the rules in force; what is done without a command",
     "Reads what is there, changes it in one transaction for both families, reads it back and "
     "compares, then proves it with connections; when any of that fails, what was there before is "
     "put back. Running it again with the same flags changes nothing.",
     kInstallFlags, kInstallExamples},
    {Command::cleanup, "cleanup", "[flags]",
     "remove everything of ours, whatever it was installed with",
     "Rules, routing rules, routes and the address ::6 on lo, of both backends. Other flags and "
     "configuration files do not matter.",
     kCleanupFlags, kCleanupExamples},
    {Command::verify, "verify", "[flags]", "prove the rules with connections",
     "Opens real connections in the namespace, outbound and inbound, of both families, as the "
     "workload and as the proxy, to captured and excluded destinations, and looks where each one "
     "lands. No packet leaves the namespace.",
     kVerifyFlags, kVerifyExamples},
    {Command::status, "status", "[flags]", "what is installed, and what it has counted",
     "Backend, version and flags of the installation, what has changed since, who listens on the "
     "proxy's ports, and the counters by purpose: redirected, left alone, escaped, held, dropped. "
     "Exit code 0 when all is as installed, 6 when something has changed, 1 when nothing is "
     "installed.",
     kStatusFlags, kStatusExamples},
    {Command::diff, "diff", "[flags]", "how the kernel's rules differ from those wanted",
     "Wanted is what the flags say, or without any, what the installation said. Exit code 6 when "
     "something differs.",
     kDiffFlags, kDiffExamples},
    {Command::explain, "explain", "--to ADDRESS:PORT [flags]",
     "where a connection would land, and which rule decides",
     "Computed the way the kernel does it, from the kernel's rules, or from flags when they say "
     "what is captured. Nothing is sent.",
     kExplainFlags, kExplainExamples},
    {Command::check, "check", "[flags]", "look for trouble before an installation",
     "Capabilities, features of the kernel, other owners of NAT chains, a proxy's user that the "
     "workload has too, others on the proxy's ports, IPv6 that would escape. Changes nothing: what "
     "the kernel can do is tried in a transaction that is not committed. The exit code is that of "
     "the first problem; warnings do not count.",
     kCheckFlags, kCheckExamples},
    {Command::watch, "watch", "[flags]", "stay, and repair what others change",
     "Says who changed what, and puts the rules back at once.", kWatchFlags, kWatchExamples},
    {Command::confirm, "confirm", "[flags]", "keep an installation with --confirm", "",
     kConfirmFlags, kConfirmExamples},
    {Command::completion,
     "completion",
     "bash|zsh|fish",
     "print a shell's completions",
     "",
     {},
     kCompletionExamples},
    {Command::man, "man", "", "print the man page", "", {}, kManExamples},
};

constexpr FlagHint kHints[] = {
    {outbound_port, "PORT", ""},
    {inbound_port, "PORT", ""},
    {tunnel_port, "PORT", ""},
    {dns_port, "PORT", ""},
    {probe_port, "PORT", ""},
    {proxy_uid, "USERS", ""},
    {proxy_gid, "GROUPS", ""},
    {owner_groups, "GROUPS", ""},
    {owner_groups_excluded, "GROUPS", ""},
    {mode, "MODE", "REDIRECT TPROXY"},
    {inbound_ports, "PORTS", ""},
    {inbound_excluded_ports, "PORTS", ""},
    {outbound_ports, "PORTS", ""},
    {outbound_excluded_ports, "PORTS", ""},
    {excluded_interfaces, "INTERFACES", ""},
    {virtual_interfaces, "INTERFACES", ""},
    {virtual_networks, "NETWORKS", ""},
    {outbound_cidrs, "PREFIXES", ""},
    {outbound_excluded_cidrs, "PREFIXES", ""},
    {exclude_inbound_cidrs, "PREFIXES", ""},
    {loopback_cidr, "PREFIX", ""},
    {tproxy_mark, "MARK[/MASK]", ""},
    {tproxy_table, "TABLE", ""},
    {exclude_ports_for_uids, "EXCLUSIONS", ""},
    {FlagId::ipv6, "WHAT", "capture block ignore"},
    {FlagId::own_address, "WHERE", "inbound direct"},
    {close_wait_timeout, "DURATION", ""},
    {probe_timeout, "DURATION", ""},
    {lock_timeout, "DURATION", ""},
    {FlagId::confirm, "DURATION", ""},
    {FlagId::backend, "BACKEND", "auto nftables legacy"},
    {iptables_binary, "BACKEND", "nft legacy"},
    {compat, "WHOSE", "istio kuma linkerd"},
    {FlagId::config, "FILE", "@file"},
    {FlagId::dry_run_file, "FILE", "@file"},
    {FlagId::termination_log, "FILE", "@file"},
    {network_namespace, "NAMESPACE", "@file"},
    {explain_uid, "USER", ""},
    {explain_gid, "GROUP", ""},
    {explain_to, "ADDRESS:PORT", ""},
    {explain_from, "ADDRESS[:PORT]", ""},
    {explain_protocol, "PROTOCOL", "tcp udp"},
    {explain_interface, "INTERFACE", ""},
    {explain_mark, "MARK", ""},
};

constexpr ExitText kExits[] = {
    {0, "done, or nothing to do"},
    {1, "any other error"},
    {2, "usage: a flag, a variable or a file of flags is wrong"},
    {3, "a capability is missing, or the process is in the wrong user namespace"},
    {4, "the kernel lacks a feature"},
    {5, "conflict: the table is somebody else's, or another program holds a lock"},
    {6, "verification: the rules differ from those wanted, or a connection lands elsewhere"},
    {126, "--run-validation failed (istio-iptables' code)"},
};

}  // namespace

std::span<const CommandPage> command_pages() { return kPages; }

const CommandPage* find_page(Command command) {
  const auto* const page = std::find_if(std::begin(kPages), std::end(kPages),
                                        [&](const CommandPage& p) { return p.command == command; });
  return page == std::end(kPages) ? nullptr : page;
}

FlagHint hint_of(const Flag& flag) {
  if (flag.kind == FlagKind::boolean) return {flag.id, "", ""};
  for (const FlagHint& hint : kHints)
    if (hint.id == flag.id) return hint;
  return {flag.id, "VALUE", ""};
}

std::span<const ExitText> exit_texts() { return kExits; }

}  // namespace weir::init
