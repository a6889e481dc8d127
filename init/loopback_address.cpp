// SPDX-License-Identifier: Apache-2.0
#include "init/loopback_address.hpp"

#include <netinet/in.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <cerrno>

#include "common/ip.hpp"
#include "common/ports.hpp"
#include "init/nft/netlink_socket.hpp"

namespace weir::init {
namespace {

constexpr unsigned kLoopbackIndex =
    1;  // LOOPBACK_IFINDEX, net/loopback: the same in every network namespace

Result<void> change_address(std::uint16_t type, std::uint16_t flags) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  const IpAddress address = *IpAddress::parse(kPassthroughSourceV6);
  char buffer[256];
  nlmsghdr* message = mnl_nlmsg_put_header(buffer);
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  message->nlmsg_seq = 1;
  auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
  header->ifa_family = AF_INET6;
  header->ifa_prefixlen = 128;
  header->ifa_scope = RT_SCOPE_UNIVERSE;
  header->ifa_flags = IFA_F_NODAD;  // usable at once
  header->ifa_index = kLoopbackIndex;
  mnl_attr_put(message, IFA_LOCAL, address.size(), address.bytes().data());
  mnl_attr_put(message, IFA_ADDRESS, address.size(), address.bytes().data());
  return socket->request(message, [](const nlmsghdr*) {});
}

// inet6_rtm_newaddr(): EOPNOTSUPP without the protocol (ipv6.disable=1 leaves it unregistered),
// EACCES where disable_ipv6 is set, ENODEV/ENOBUFS where lo has no IPv6 state.
bool means_no_ipv6(int code) {
  return code == EOPNOTSUPP || code == EAFNOSUPPORT || code == EACCES || code == ENODEV ||
         code == ENOBUFS;
}

Error explained(const Error& error, std::string_view what) {
  std::string text = std::string(what) + ": " + error.message;
  if (error.code == EPERM) text += "; CAP_NET_ADMIN is needed in this network namespace";
  return Error{std::move(text), error.code};
}

}  // namespace

Result<AddressOutcome> add_passthrough_address() {
  const auto changed = change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  if (changed) return AddressOutcome::added;
  if (changed.error().code == EEXIST) return AddressOutcome::present;
  if (means_no_ipv6(changed.error().code)) return AddressOutcome::no_ipv6;
  return explained(changed.error(), "adding ::6/128 to lo");
}

Result<AddressOutcome> remove_passthrough_address() {
  const auto changed = change_address(RTM_DELADDR, 0);
  if (changed) return AddressOutcome::removed;
  if (changed.error().code == EADDRNOTAVAIL) return AddressOutcome::absent;
  if (means_no_ipv6(changed.error().code) || changed.error().code == ENXIO)
    return AddressOutcome::no_ipv6;
  return explained(changed.error(), "removing ::6/128 from lo");
}

}  // namespace weir::init
