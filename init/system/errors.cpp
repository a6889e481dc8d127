// SPDX-License-Identifier: Apache-2.0
#include "init/system/errors.hpp"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <span>

namespace weir::init {
namespace {

using enum Operation;

constexpr std::uint32_t bits(std::initializer_list<Operation> operations) {
  std::uint32_t set = 0;
  for (const Operation operation : operations) set |= 1u << static_cast<unsigned>(operation);
  return set;
}

constexpr std::uint32_t kAdd = bits({add_chain, add_set, add_element, add_object, add_rule});
constexpr std::uint32_t kNft = kAdd | bits({open_netlink, read_rules, remove_rules});
constexpr std::uint32_t kLegacy = bits({legacy_socket, legacy_read, legacy_write});
constexpr std::uint32_t kAny = ~0u;

bool always(const Surroundings&) { return true; }
bool on_gvisor(const Surroundings& s) { return s.gvisor; }
bool without_net_admin(const Surroundings& s) { return !s.net_admin; }
bool without_net_raw(const Surroundings& s) { return !s.net_raw; }
bool without_sys_admin(const Surroundings& s) { return !s.sys_admin; }
bool in_child_namespace(const Surroundings& s) { return !s.initial_user_namespace; }

constexpr std::string_view kNoNetAdmin = "this process has no CAP_NET_ADMIN";
constexpr std::string_view kGiveNetAdmin =
    "in a Pod: securityContext.capabilities.add: [NET_ADMIN]; elsewhere: run as root";
constexpr std::string_view kOtherUserNamespace =
    "CAP_NET_ADMIN is held in this process' user namespace, which does not own the network "
    "namespace";
constexpr std::string_view kEnterUserNamespace =
    "enter the owner first (nsenter --user --net), or run weir-init where the namespace was made";
constexpr std::string_view kSecurityModule =
    "a security module (SELinux, AppArmor, seccomp) forbids it";
constexpr std::string_view kLookForDenials = "look for a denial: ausearch -m AVC, or dmesg";
constexpr std::string_view kGvisor =
    "gVisor emulates the kernel, and this release has no nf_tables";
constexpr std::string_view kOtherRuntime =
    "use a newer runsc, or a runtime class that runs on the kernel itself";

struct Row {
  std::uint32_t operations;
  std::initializer_list<int> codes;
  bool (*holds)(const Surroundings&);
  Explanation explanation;  // code 0: as it is
};

// The first row that fits counts.
std::span<const Row> rows() {
  static const Row table[] = {
      // Who may do it.
      {bits({legacy_socket}),
       {EPERM, EACCES},
       without_net_raw,
       {"iptables-legacy's tables are reached by a raw socket, and this process has no CAP_NET_RAW",
        "add NET_RAW beside NET_ADMIN, or use --backend nftables, which needs NET_ADMIN alone",
        EPERM}},
      {kNft | kLegacy | bits({routing}),
       {EPERM, EACCES},
       without_net_admin,
       {kNoNetAdmin, kGiveNetAdmin, EPERM}},
      {kNft | kLegacy | bits({routing}),
       {EPERM, EACCES},
       in_child_namespace,
       {kOtherUserNamespace, kEnterUserNamespace, EPERM}},
      {kNft | kLegacy | bits({routing}),
       {EPERM, EACCES},
       always,
       {kSecurityModule, kLookForDenials, EPERM}},
      {bits({enter_namespace}),
       {EPERM},
       without_sys_admin,
       {"entering a network namespace needs CAP_SYS_ADMIN, in it and in one's own",
        "run as root in the user namespace that owns it, or start weir-init inside it", EPERM}},
      {bits({enter_namespace}),
       {EPERM},
       always,
       {"the namespace belongs to another user namespace",
        "enter that one first: nsenter --user --net", EPERM}},
      {bits({enter_namespace}),
       {EACCES},
       always,
       {"the path may not be opened", "run as root, or as the user of that process", EPERM}},
      {bits({probe}),
       {EPERM},
       always,
       {"a test connection is made as another user, which needs CAP_SETUID and CAP_SETGID",
        "add SETUID and SETGID, or install with --verify=false", EPERM}},
      // What the kernel has.
      {kNft,
       {EINVAL, EPROTONOSUPPORT, EAFNOSUPPORT, EOPNOTSUPP, ENOPROTOOPT, ENOSYS, ENOENT},
       on_gvisor,
       {kGvisor, kOtherRuntime, EOPNOTSUPP}},
      {bits({open_netlink, read_rules}),
       {EPROTONOSUPPORT, EAFNOSUPPORT, EOPNOTSUPP, ENOSYS, EINVAL, ENOENT},
       always,
       {"the kernel has no nf_tables",
        "load nf_tables on the node, or build with CONFIG_NF_TABLES; --backend legacy where there "
        "is iptables only",
        EOPNOTSUPP}},
      {bits({add_chain}),
       {ENOENT, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL},
       always,
       {"the kernel has no NAT chains of the inet family",
        "Linux 5.10 or newer with CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT and CONFIG_NFT_REDIR; "
        "--backend legacy where there is iptables only",
        EOPNOTSUPP}},
      {bits({add_object}),
       {ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, EINVAL},
       always,
       {"the kernel has no connection tracking timeouts for nf_tables",
        "CONFIG_NFT_CT with CONFIG_NF_CONNTRACK_TIMEOUT, or leave it out: --close-wait-timeout 0",
        EOPNOTSUPP}},
      {bits({add_set}),
       {EOPNOTSUPP, ENOENT, EINVAL},
       always,
       {"the kernel has no such set", "Linux 5.10 or newer; --backend legacy works without sets",
        EOPNOTSUPP}},
      {bits({add_rule}),
       {ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT, EINVAL},
       always,
       {"the kernel lacks something that the rule needs",
        "Linux 5.10 or newer; where modules cannot be loaded from a container, load them on the "
        "node",
        EOPNOTSUPP}},
      {bits({legacy_socket, legacy_read}),
       {ENOENT, ENOPROTOOPT, EPROTONOSUPPORT, EAFNOSUPPORT},
       always,
       {"the kernel has no such iptables-legacy table",
        "load iptable_nat (and ip6table_nat) on the node, or use --backend nftables; newer kernels "
        "leave it out (CONFIG_NETFILTER_XTABLES_LEGACY)",
        EOPNOTSUPP}},
      {bits({legacy_write}),
       {ENOENT, ENOPROTOOPT, EINVAL, EOPNOTSUPP},
       always,
       {"the kernel lacks a match or target of the rules",
        "load xt_owner, xt_REDIRECT, xt_conntrack, xt_mark, xt_TPROXY and xt_socket on the node, "
        "or "
        "use --backend nftables",
        EOPNOTSUPP}},
      {bits({routing}),
       {EOPNOTSUPP, EAFNOSUPPORT, ENOSYS},
       always,
       {"the kernel has no policy routing",
        "CONFIG_IP_MULTIPLE_TABLES and CONFIG_IPV6_MULTIPLE_TABLES", EOPNOTSUPP}},
      // How much of it.
      {kAny,
       {ENOBUFS, EMSGSIZE},
       always,
       {"the transaction does not fit into the socket's buffer",
        "raise net.core.wmem_max on the node; SO_SNDBUFFORCE, which needs no limit, works with "
        "CAP_NET_ADMIN of the initial user namespace only",
        0}},
      {kAny,
       {ENOMEM},
       always,
       {"the kernel has no memory for the rules",
        "raise the memory limit of the cgroup (kernel memory counts), or shorten the lists", 0}},
      {kAny,
       {ENOSPC},
       always,
       {"a limit of the kernel is reached", "shorten the lists of ports, prefixes and users", 0}},
      {kAny,
       {E2BIG, EFBIG},
       always,
       {"the rules are larger than the kernel takes at once", "shorten the lists", 0}},
      {kAny, {EMFILE, ENFILE}, always, {"too many open files", "raise the limit (ulimit -n)", 0}},
      // Who else is at work.
      {bits({add_element, add_set, add_chain, add_object}),
       {EEXIST},
       always,
       {"somebody else has put it there meanwhile",
        "run again; weir-init status shows what is there", EBUSY}},
      {bits({routing}),
       {EEXIST},
       always,
       {"an address, rule or route of somebody else is in its place",
        "look at: ip rule, ip route show table all", EEXIST}},
      {kNft | bits({legacy_write}),
       {EAGAIN, ERESTART, EINTR},
       always,
       {"other programs keep changing the rules", "run again when they are done", 0}},
      {bits({legacy_lock}),
       {EROFS},
       always,
       {"/run/xtables.lock is on a read-only file system",
        "mount an emptyDir at /run, or use --backend nftables, which needs no lock file", 0}},
      {bits({legacy_lock}),
       {EACCES, EPERM},
       always,
       {"/run/xtables.lock may not be opened",
        "run as root, look for a denial of SELinux, or use --backend nftables", EPERM}},
      {bits({legacy_lock}),
       {EAGAIN, EBUSY},
       always,
       {"another program holds the lock of iptables", "wait longer: --wait 60s", EBUSY}},
      {bits({lock}),
       {EAGAIN, EBUSY, EADDRINUSE},
       always,
       {"another weir-init is at work in this namespace", "wait longer: --wait 60s", EBUSY}},
      // Which namespace.
      {bits({enter_namespace}),
       {ENOENT},
       always,
       {"there is no such namespace", "a path, a process ID, or a name that 'ip netns' lists", 0}},
      {bits({enter_namespace}),
       {ESRCH},
       always,
       {"that process has ended", "give the ID of one that runs in the namespace", 0}},
      {bits({enter_namespace}),
       {EINVAL},
       always,
       {"the file is no network namespace", "such as /run/netns/NAME or /proc/PID/ns/net", 0}},
      {bits({routing}),
       {ENODEV},
       always,
       {"the namespace has no interface lo",
        "every network namespace has one: is it being removed?", 0}},
      {bits({probe}),
       {ECONNREFUSED},
       always,
       {"nobody listens where the rules lead",
        "start the proxy first, or hold connections until it "
        "listens (--hold-until-listening)",
        0}},
  };
  return table;
}

}  // namespace

Explanation explain_errno(Operation operation, int code, const Surroundings& surroundings) {
  const std::uint32_t bit = bits({operation});
  for (const Row& row : rows()) {
    if ((row.operations & bit) == 0 || !row.holds(surroundings)) continue;
    if (std::find(row.codes.begin(), row.codes.end(), code) == row.codes.end()) continue;
    Explanation explanation = row.explanation;
    if (explanation.code == 0) explanation.code = code;
    return explanation;
  }
  return Explanation{{}, {}, code};
}

Error explained_error(Operation operation, std::string_view what, const Error& error,
                      const Surroundings& surroundings, std::string_view parts) {
  const Explanation explanation = explain_errno(operation, error.code, surroundings);
  std::string text = what.empty() ? error.message : std::string(what) + ": " + error.message;
  if (!explanation.cause.empty()) text.append("; ").append(explanation.cause);
  if (explanation.code == EOPNOTSUPP && !parts.empty()) text.append(": ").append(parts);
  if (!explanation.remedy.empty()) text.append("; ").append(explanation.remedy);
  return Error{std::move(text), explanation.code};
}

}  // namespace weir::init
