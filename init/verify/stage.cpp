// SPDX-License-Identifier: Apache-2.0
#include "init/verify/stage.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <libmnl/libmnl.h>

#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "init/nft/attributes.hpp"
#include "init/routing/rtnetlink.hpp"

namespace weir::init {
namespace {

// Tables and priorities of the routing rules that lead to the links; far from what people number.
constexpr std::uint32_t kTableBase = 0x57450000;
constexpr std::uint32_t kRulePriority = 30157;
constexpr std::uint8_t kProbeProtocol = 158;  // beside kRouteProtocol

std::uint32_t table_of(std::size_t link) { return kTableBase + static_cast<std::uint32_t>(link); }

// Three neighbouring bits that the rules do not use, the highest there are.
int mark_shift(std::uint32_t mask) {
  for (int shift = 28; shift > 0; --shift)
    if ((mask >> shift & 7U) == 0) return shift;
  return 28;
}

void put_name(nlmsghdr* message, const std::string& name) {
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
}
void put_mac(nlmsghdr* message, std::uint16_t type, const MacAddress& mac) {
  mnl_attr_put(message, type, mac.size(), mac.data());
}

Result<void> add_pair(RtSocket& socket, const std::string& inner, std::size_t index) {
  RtRequest<ifinfomsg> request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  nlmsghdr* message = request.message();
  put_name(message, inner);
  put_mac(message, IFLA_ADDRESS, Stage::inner_mac(index));
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  put_name(message, Stage::outer_name(index));
  mnl_attr_nest_end(message, peer);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
  return socket.send(request);
}

Result<void> set_up(RtSocket& socket, const std::string& name) {
  RtRequest<ifinfomsg> request(RTM_NEWLINK, NLM_F_ACK);
  request->ifi_flags = IFF_UP;
  request->ifi_change = IFF_UP;
  put_name(request.message(), name);
  return socket.send(request);
}

Result<void> delete_link(RtSocket& socket, const std::string& name) {
  RtRequest<ifinfomsg> request(RTM_DELLINK, NLM_F_ACK);
  put_name(request.message(), name);
  return socket.send(request);
}

Result<void> add_address(RtSocket& socket, unsigned index, const IpAddress& address,
                         std::uint8_t length) {
  RtRequest<ifaddrmsg> request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  request->ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  request->ifa_prefixlen = length;
  request->ifa_flags = IFA_F_NODAD;
  request->ifa_index = index;
  mnl_attr_put(request.message(), IFA_LOCAL, address.size(), address.bytes().data());
  mnl_attr_put(request.message(), IFA_ADDRESS, address.size(), address.bytes().data());
  return socket.send(request);
}

// So that answers leave at once, to a card that nobody has.
Result<void> add_neighbour(RtSocket& socket, unsigned index, const IpAddress& address,
                           const MacAddress& mac) {
  RtRequest<ndmsg> request(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  request->ndm_family = address.is_v4() ? AF_INET : AF_INET6;
  request->ndm_ifindex = static_cast<int>(index);
  request->ndm_state = NUD_PERMANENT;
  mnl_attr_put(request.message(), NDA_DST, address.size(), address.bytes().data());
  put_mac(request.message(), NDA_LLADDR, mac);
  return socket.send(request);
}

Result<void> add_route(RtSocket& socket, unsigned index, int family, std::uint32_t table,
                       const IpAddress* to) {
  RtRequest<rtmsg> request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  request->rtm_family = static_cast<std::uint8_t>(family);
  request->rtm_protocol = kProbeProtocol;
  request->rtm_type = RTN_UNICAST;
  request->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  if (to != nullptr) {
    request->rtm_dst_len = static_cast<std::uint8_t>(to->bits());
    mnl_attr_put(request.message(), RTA_DST, to->size(), to->bytes().data());
  }
  mnl_attr_put_u32(request.message(), RTA_TABLE, table);
  mnl_attr_put_u32(request.message(), RTA_OIF, index);
  return socket.send(request);
}

// An IPv6 address is delivered to only after a work queue has run, even without duplicate address
// detection; this route is there at once. Source: addrconf.c, addrconf_dad_work().
Result<void> add_local_route(RtSocket& socket, unsigned index, const IpAddress& address) {
  RtRequest<rtmsg> request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  request->rtm_family = AF_INET6;
  request->rtm_protocol = kProbeProtocol;
  request->rtm_type = RTN_LOCAL;
  request->rtm_table = RT_TABLE_LOCAL;
  request->rtm_dst_len = 128;
  mnl_attr_put(request.message(), RTA_DST, address.size(), address.bytes().data());
  mnl_attr_put_u32(request.message(), RTA_OIF, index);
  return socket.send(request);
}

Result<void> change_rule(RtSocket& socket, bool add, int family, std::uint32_t mark,
                         std::uint32_t mask, std::uint32_t table) {
  RtRequest<fib_rule_hdr> request(add ? RTM_NEWRULE : RTM_DELRULE,
                                  NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
  request->family = static_cast<std::uint8_t>(family);
  request->action = FR_ACT_TO_TBL;
  mnl_attr_put_u32(request.message(), FRA_PRIORITY, kRulePriority);
  mnl_attr_put_u32(request.message(), FRA_TABLE, table);
  if (mask != 0) {
    mnl_attr_put_u32(request.message(), FRA_FWMARK, mark);
    mnl_attr_put_u32(request.message(), FRA_FWMASK, mask);
  }
  mnl_attr_put_u8(request.message(), FRA_PROTOCOL, kProbeProtocol);
  return socket.send(request);
}

// 192.0.2.32i+1/27 and 2001:db8:ffff:i::1/64; the neighbour is 16 further.
void number(ProbeLink& link, std::size_t index) {
  const auto v4 = 0xc0000200U + static_cast<std::uint32_t>(index) * 32;
  link.v4 = IpAddress::v4(v4 + 1);
  link.far_v4 = IpAddress::v4(v4 + 17);
  std::uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0, static_cast<std::uint8_t>(index)};
  v6[15] = 1;
  link.v6 = IpAddress::v6(v6);
  v6[15] = 17;
  link.far_v6 = IpAddress::v6(v6);
}

Result<void> configure(RtSocket& socket, const ProbeLink& link, std::size_t i, std::uint32_t mask,
                       bool ipv6) {
  const unsigned index = if_nametoindex(link.name.c_str());
  // The outer end first: the inner one then comes up with its queue ready.
  TRY_VOID(set_up(socket, Stage::outer_name(i)));
  TRY_VOID(set_up(socket, link.name));
  TRY_VOID(add_address(socket, index, link.v4, 27));
  TRY_VOID(add_neighbour(socket, index, link.far_v4, Stage::far_mac(i)));
  TRY_VOID(add_route(socket, index, AF_INET, table_of(i), nullptr));
  TRY_VOID(change_rule(socket, true, AF_INET, link.mark, mask, table_of(i)));
  if (!ipv6) return {};
  TRY_VOID(add_address(socket, index, link.v6, 64));
  TRY_VOID(add_local_route(socket, index, link.v6));
  TRY_VOID(add_neighbour(socket, index, link.far_v6, Stage::far_mac(i)));
  TRY_VOID(add_route(socket, index, AF_INET6, table_of(i), nullptr));
  return change_rule(socket, true, AF_INET6, link.mark, mask, table_of(i));
}

// While the stage stands, a signal must not end the process: the links would stay.
sigset_t hold_signals() {
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, &before);
  return before;
}

}  // namespace

Stage::Stage(Stage&& other) noexcept
    : links_(std::move(other.links_)),
      signals_before_(other.signals_before_),
      alive_(std::exchange(other.alive_, false)) {}

Stage::~Stage() {
  if (!alive_) return;
  auto socket = RtSocket::open();
  if (socket) {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      for (const int family : {AF_INET, AF_INET6})
        (void)change_rule(*socket, false, family, 0, 0, table_of(i));
      (void)delete_link(*socket, outer_name(i));
    }
  }
  sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
}

std::string Stage::outer_name(std::size_t link) {
  return link == 0 ? kOuterEnd : kOuterEnd + std::to_string(link);
}
// Locally administered addresses. Source: IEEE 802, the second bit of the first byte.
MacAddress Stage::inner_mac(std::size_t link) {
  return {0x02, 0x57, 0x45, 0x49, static_cast<std::uint8_t>(link), 1};
}
MacAddress Stage::far_mac(std::size_t link) {
  return {0x02, 0x57, 0x45, 0x49, static_cast<std::uint8_t>(link), 2};
}

Result<void> Stage::build(std::uint32_t mask, bool ipv6) {
  TRY(RtSocket socket, RtSocket::open());
  const int shift = mark_shift(mask);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    number(links_[i], i);
    links_[i].mark = static_cast<std::uint32_t>(i + 1) << shift;
    TRY_VOID(add_pair(socket, links_[i].name, i));
  }
  for (std::size_t i = 0; i < links_.size(); ++i)
    TRY_VOID(configure(socket, links_[i], i, 7U << shift, ipv6));
  return {};
}

Result<Stage> Stage::open(const std::vector<std::string>& names, std::uint32_t mask, bool ipv6) {
  if (if_nametoindex(kInnerEnd) != 0 || if_nametoindex(kOuterEnd) != 0) remove_stage();
  Stage stage;
  stage.signals_before_ = hold_signals();
  stage.alive_ = true;
  stage.links_.push_back({kInnerEnd, {}, {}, {}, {}, 0});
  for (const std::string& name : names)
    if (stage.links_.size() < kMostLinks) stage.links_.push_back({name, {}, {}, {}, {}, 0});
  const auto built = stage.build(mask, ipv6);
  if (!built) return built.error().with_context("temporary network cards");
  return stage;
}

Result<void> Stage::claim(const IpAddress& address) const {
  TRY(RtSocket socket, RtSocket::open());
  return add_route(socket, if_nametoindex(kInnerEnd), address.is_v4() ? AF_INET : AF_INET6,
                   RT_TABLE_MAIN, &address);
}

void remove_stage() {
  auto socket = RtSocket::open();
  if (!socket) return;
  for (std::size_t i = 0; i < kMostLinks; ++i) {
    for (const int family : {AF_INET, AF_INET6})
      (void)change_rule(*socket, false, family, 0, 0, table_of(i));
    if (if_nametoindex(Stage::outer_name(i).c_str()) != 0)
      (void)delete_link(*socket, Stage::outer_name(i));
  }
}

Result<std::vector<IpAddress>> local_addresses() {
  TRY(RtSocket socket, RtSocket::open());
  std::vector<IpAddress> addresses;
  RtRequest<ifaddrmsg> request(RTM_GETADDR, NLM_F_DUMP);
  TRY_VOID(socket.send(request, [&](const nlmsghdr* reply) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(reply));
    const bool v4 = header->ifa_family == AF_INET;
    for_each_attribute(reply, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
      // IFA_LOCAL is missing in IPv6; on point-to-point links IFA_ADDRESS is the other side.
      if (mnl_attr_get_type(attribute) != (v4 ? IFA_LOCAL : IFA_ADDRESS)) return;
      const auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
      addresses.push_back(v4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes));
    });
  }));
  return addresses;
}

Result<std::vector<std::string>> interfaces() {
  std::vector<std::string> names;
  struct if_nameindex* list = if_nameindex();
  if (list == nullptr) return Error{std::string("interfaces: ") + std::strerror(errno), errno};
  for (const auto* one = list; one->if_index != 0; ++one) names.emplace_back(one->if_name);
  if_freenameindex(list);
  return names;
}

}  // namespace weir::init
