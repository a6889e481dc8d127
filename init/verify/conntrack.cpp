// SPDX-License-Identifier: Apache-2.0
#include "init/verify/conntrack.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <libmnl/libmnl.h>

#include <cerrno>
#include <cstring>

#include "init/nft/attributes.hpp"
#include "init/nft/netlink_socket.hpp"

namespace weir::init {
namespace {

constexpr std::size_t kReceiveBuffer = 16384;

IpAddress address_of(const nlattr* attribute) {
  std::uint8_t bytes[16] = {};
  const std::size_t length = mnl_attr_get_payload_len(attribute);
  std::memcpy(bytes, mnl_attr_get_payload(attribute), std::min(length, sizeof bytes));
  return length == 4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes);
}

void read_addresses(const nlattr* nest, ConntrackTuple& tuple) {
  for_each_nested(nest, [&](const nlattr* part) {
    const auto type = mnl_attr_get_type(part);
    if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC) tuple.source.address = address_of(part);
    if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
      tuple.destination.address = address_of(part);
  });
}

void read_ports(const nlattr* nest, ConntrackTuple& tuple) {
  for_each_nested(nest, [&](const nlattr* part) {
    const auto type = mnl_attr_get_type(part);
    if (type == CTA_PROTO_NUM) tuple.protocol = mnl_attr_get_u8(part);
    if (type == CTA_PROTO_SRC_PORT) tuple.source.port = ntohs(mnl_attr_get_u16(part));
    if (type == CTA_PROTO_DST_PORT) tuple.destination.port = ntohs(mnl_attr_get_u16(part));
  });
}

ConntrackTuple tuple_of(const nlattr* nest) {
  ConntrackTuple tuple;
  for_each_nested(nest, [&](const nlattr* part) {
    if (mnl_attr_get_type(part) == CTA_TUPLE_IP) read_addresses(part, tuple);
    if (mnl_attr_get_type(part) == CTA_TUPLE_PROTO) read_ports(part, tuple);
  });
  return tuple;
}

ConntrackEntry entry_of(const nlmsghdr* message) {
  ConntrackEntry entry;
  for_each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case CTA_TUPLE_ORIG:
        entry.original = tuple_of(attribute);
        break;
      case CTA_TUPLE_REPLY:
        entry.reply = tuple_of(attribute);
        break;
      case CTA_MARK:
        entry.mark = ntohl(mnl_attr_get_u32(attribute));
        break;
      case CTA_ZONE:
        entry.zone = ntohs(mnl_attr_get_u16(attribute));
        break;
      case CTA_TIMEOUT:
        entry.timeout = ntohl(mnl_attr_get_u32(attribute));
        break;
      default:
        break;
    }
  });
  return entry;
}

void put_address(nlmsghdr* message, std::uint16_t type, const IpAddress& address) {
  mnl_attr_put(message, type, address.size(), address.bytes().data());
}

nlmsghdr* put_request(char* buffer, std::uint16_t type, const ConntrackTuple& tuple,
                      std::uint16_t zone) {
  const bool v4 = tuple.source.address.is_v4();
  nlmsghdr* message = mnl_nlmsg_put_header(buffer);
  message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message->nlmsg_seq = 1;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  header->nfgen_family = v4 ? AF_INET : AF_INET6;
  header->version = NFNETLINK_V0;
  nlattr* nest = mnl_attr_nest_start(message, CTA_TUPLE_ORIG);
  nlattr* ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);
  put_address(message, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, tuple.source.address);
  put_address(message, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, tuple.destination.address);
  mnl_attr_nest_end(message, ip);
  nlattr* ports = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(message, CTA_PROTO_NUM, tuple.protocol);
  mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(tuple.source.port));
  mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(tuple.destination.port));
  mnl_attr_nest_end(message, ports);
  mnl_attr_nest_end(message, nest);
  if (zone != 0) mnl_attr_put_u16(message, CTA_ZONE, htons(zone));
  return message;
}

}  // namespace

Result<ConntrackEvents> ConntrackEvents::open() {
  const auto failed = [](int code) {
    return Error{std::string("connection tracking events: ") + std::strerror(code), code};
  };
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!fd) return failed(errno);
  // In a busy namespace the events of all connections come.
  constexpr int kRoom = 16 * 1024 * 1024;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom) != 0)
    (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kRoom, sizeof kRoom);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = NF_NETLINK_CONNTRACK_NEW;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed(errno);
  // A kernel without ctnetlink takes the subscription, but not a question.
  if (const auto none = find_conntrack_entry({}, 0); !none) return none.error();
  return ConntrackEvents(std::move(fd));
}

void ConntrackEvents::drain(std::vector<ConntrackEntry>& entries) {
  alignas(nlmsghdr) char buffer[kReceiveBuffer];
  for (;;) {
    const ssize_t received = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (received < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    if (received <= 0) return;
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer);
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
      if (message->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
        entries.push_back(entry_of(message));
  }
}

Result<std::optional<ConntrackEntry>> find_conntrack_entry(const ConntrackTuple& original,
                                                           std::uint16_t zone) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  ConntrackTuple tuple = original;
  if (tuple.protocol == 0) tuple.protocol = IPPROTO_TCP;
  alignas(nlmsghdr) char buffer[512];
  std::optional<ConntrackEntry> entry;
  const auto asked = socket->request(put_request(buffer, IPCTNL_MSG_CT_GET, tuple, zone),
                                     [&](const nlmsghdr* reply) { entry = entry_of(reply); });
  if (!asked && asked.error().code != ENOENT)
    return asked.error().with_context("connection tracking");
  return entry;
}

void remove_conntrack_entries(const std::vector<ConntrackEntry>& entries) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return;
  for (const ConntrackEntry& entry : entries) {
    alignas(nlmsghdr) char buffer[512];
    (void)socket->request(put_request(buffer, IPCTNL_MSG_CT_DELETE, entry.original, entry.zone),
                          [](const nlmsghdr*) {});
  }
}

}  // namespace weir::init
