// SPDX-License-Identifier: Apache-2.0
// The kernel's layout of a legacy rule: header, matches, target; with the names and revisions that
// weir-init uses. Source: linux/netfilter/x_tables.h and xt_*.h, linux/netfilter_ipv4/ip_tables.h,
// linux/netfilter_ipv6/ip6_tables.h.
#pragma once

// clang-format off
#include "common/kernel_headers.hpp"
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_MARK.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_socket.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter/xt_u32.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
// clang-format on

#include <climits>
#include <cstdint>
#include <string_view>

#include "init/rules/rule.hpp"

namespace weir::init {

/// A kernel extension: its name and the revision of its data.
struct XtExtension {
  std::string_view name;
  std::uint8_t revision = 0;
};

// The revisions that iptables 1.8 writes, so that iptables-save can show our rules and
// iptables-restore take them back. Each is in every kernel since 4.17.
namespace xt {
inline constexpr XtExtension kTcp{"tcp", 0};
inline constexpr XtExtension kUdp{"udp", 0};
inline constexpr XtExtension kMultiport{"multiport", 1};
inline constexpr XtExtension kIprange{"iprange", 1};
inline constexpr XtExtension kU32{"u32", 0};
inline constexpr XtExtension kOwner{"owner", 1};
inline constexpr XtExtension kMark{"mark", 1};
inline constexpr XtExtension kConnmark{"connmark", 1};
inline constexpr XtExtension kConntrack{"conntrack", 3};
inline constexpr XtExtension kSocket{"socket", 3};
inline constexpr XtExtension kComment{"comment", 0};
inline constexpr XtExtension kRedirectTarget{"REDIRECT", 0};
inline constexpr XtExtension kTproxyTarget{"TPROXY", 1};
inline constexpr XtExtension kMarkTarget{"MARK", 2};
inline constexpr XtExtension kConnmarkTarget{"CONNMARK", 2};
inline constexpr XtExtension kCtTarget{"CT", 2};
inline constexpr XtExtension kRejectTarget{"REJECT", 0};
}  // namespace xt

/// ipt_entry and ip6t_entry without the flexible array that they end in.
template <class Header>
struct EntryHead {
  Header ip;
  std::uint32_t nfcache;
  std::uint16_t target_offset;  // from the beginning of the entry, as next_offset is
  std::uint16_t next_offset;
  std::uint32_t comefrom;
  xt_counters counters;
};
static_assert(sizeof(EntryHead<ipt_ip>) == sizeof(ipt_entry));
static_assert(sizeof(EntryHead<ip6t_ip6>) == sizeof(ip6t_entry));

/// What the two families' layouts call differently.
struct LayoutV4 {
  using Entry = EntryHead<ipt_ip>;
  static constexpr IpFamily kFamily = IpFamily::v4;
  static constexpr Field kSource = Field::ip_saddr;
  static constexpr Field kDestination = Field::ip_daddr;
  static constexpr std::uint8_t kGoto = IPT_F_GOTO;
  static constexpr std::uint8_t kHasProtocol = 0;
  static constexpr std::uint32_t kTcpReset = IPT_TCP_RESET;
  static constexpr std::uint32_t kPortUnreachable = IPT_ICMP_PORT_UNREACHABLE;
};
struct LayoutV6 {
  using Entry = EntryHead<ip6t_ip6>;
  static constexpr IpFamily kFamily = IpFamily::v6;
  static constexpr Field kSource = Field::ip6_saddr;
  static constexpr Field kDestination = Field::ip6_daddr;
  static constexpr std::uint8_t kGoto = IP6T_F_GOTO;
  static constexpr std::uint8_t kHasProtocol = IP6T_F_PROTO;
  static constexpr std::uint32_t kTcpReset = IP6T_TCP_RESET;
  static constexpr std::uint32_t kPortUnreachable = IP6T_ICMP6_PORT_UNREACH;
};
// One spelling for both: the values are the kernel's common XT_INV_* ones.
static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
              IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP);

// Bit of an untracked packet in xt_conntrack's state_mask; it differs from the one in rule.hpp.
inline constexpr std::uint16_t kXtStateUntracked = XT_CONNTRACK_STATE_UNTRACKED;

/// Where the IPv4 header has its addresses, for u32. Source: RFC 791, 3.1.
inline constexpr std::uint32_t kIpv4SourceOffset = 12;
inline constexpr std::uint32_t kIpv4DestinationOffset = 16;
/// Ranges of one u32 test, and tests of one match: what iptables-restore takes back, which reads at
/// most 1,023 characters of one option.
inline constexpr std::size_t kU32Ranges = XT_U32_MAXSIZE;
inline constexpr std::size_t kU32Tests = 4;

/// A port match that fits the tcp or udp extension; longer lists take multiport.
bool is_single_range(const Match& match);
/// The order of matches in a lowered rule: what decode_entry() finds first comes first.
int match_rank(const Match& match);

}  // namespace weir::init
