// SPDX-License-Identifier: Apache-2.0
#include "init/routing/route_lookup.hpp"

#include <net/if.h>
#include <netinet/in.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <cstring>

#include "init/nft/attributes.hpp"
#include "init/routing/rtnetlink.hpp"

namespace weir::init {
namespace {

std::uint8_t number_of(IpFamily family) { return family == IpFamily::v4 ? AF_INET : AF_INET6; }

void put_address(nlmsghdr* message, std::uint16_t type, const IpAddress& address) {
  mnl_attr_put(message, type, address.size(), address.bytes().data());
}

std::optional<IpAddress> address_in(const nlattr* attribute) {
  const auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
  switch (mnl_attr_get_payload_len(attribute)) {
    case 4:
      return IpAddress::v4(bytes);
    case 16:
      return IpAddress::v6(bytes);
    default:
      return std::nullopt;
  }
}

std::string interface_name(unsigned index) {
  char name[IF_NAMESIZE];
  return if_indextoname(index, name) == nullptr ? "" : name;
}

// Addresses of the namespace itself are delivered by lo, whatever interface holds them.
// Source: net/ipv4/route.c and net/ipv6/route.c, RTN_LOCAL.
void read_answer(const nlmsghdr* reply, RouteAnswer& answer) {
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(reply));
  for_each_attribute(reply, sizeof(rtmsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == RTA_OIF)
      answer.interface = interface_name(mnl_attr_get_u32(attribute));
    if (mnl_attr_get_type(attribute) == RTA_PREFSRC) answer.source = address_in(attribute);
  });
  if (header->rtm_type == RTN_LOCAL) answer.interface = "lo";
}

}  // namespace

Result<RouteAnswer> find_route(const RouteQuery& query) {
  RtRequest<rtmsg> request(RTM_GETROUTE, NLM_F_ACK);
  request->rtm_family = number_of(query.destination.family());
  request->rtm_dst_len = static_cast<std::uint8_t>(query.destination.bits());
  put_address(request.message(), RTA_DST, query.destination);
  if (query.source) {
    request->rtm_src_len = static_cast<std::uint8_t>(query.source->bits());
    put_address(request.message(), RTA_SRC, *query.source);
  }
  if (query.uid) mnl_attr_put_u32(request.message(), RTA_UID, *query.uid);
  if (query.mark != 0) mnl_attr_put_u32(request.message(), RTA_MARK, query.mark);
  RouteAnswer answer;
  TRY(RtSocket socket, RtSocket::open());
  TRY_VOID(socket.send(request, [&](const nlmsghdr* reply) { read_answer(reply, answer); }));
  return answer;
}

Result<std::string> interface_of(const IpAddress& address) {
  RtRequest<ifaddrmsg> request(RTM_GETADDR, NLM_F_DUMP);
  request->ifa_family = number_of(address.family());
  std::string interface;
  TRY(RtSocket socket, RtSocket::open());
  TRY_VOID(socket.send(request, [&](const nlmsghdr* reply) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(reply));
    for_each_attribute(reply, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
      const auto type = mnl_attr_get_type(attribute);
      // IFA_ADDRESS is the other end on point-to-point links that have IFA_LOCAL.
      if ((type == IFA_LOCAL || type == IFA_ADDRESS) && address_in(attribute) == address)
        interface = interface_name(header->ifa_index);
    });
  }));
  return interface;
}

}  // namespace weir::init
