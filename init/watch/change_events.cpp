// SPDX-License-Identifier: Apache-2.0
#include "init/watch/change_events.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>

#include <cerrno>
#include <cstring>

#include "init/nft/attributes.hpp"
#include "init/nft/handles.hpp"
#include "init/nft/other_nat.hpp"

namespace weir::init {
namespace {

constexpr int kReceiveBuffer = 4 * 1024 * 1024;  // a large replacement tells of each of its parts
constexpr std::size_t kChunk = 65536;

Result<UniqueFd> subscribe(int bus, std::uint32_t groups) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, bus));
  const auto failed = [] {
    const int code = errno;
    return Error{std::string("netlink events: ") + std::strerror(code), code};
  };
  if (!fd) return failed();
  // FORCE needs CAP_NET_ADMIN in the first user namespace; without it net.core.rmem_max limits.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed();
  return fd;
}

constexpr std::uint32_t bit(int group) { return 1U << (group - 1); }

// @return whether events were lost.
template <class Visit>
bool read_all(int fd, Visit&& visit) {
  alignas(nlmsghdr) static char buffer[kChunk];
  bool lost = false;
  for (;;) {
    const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == ENOBUFS) {
      lost = true;
      continue;
    }
    if (received <= 0) return lost;
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer);
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
      visit(message);
  }
}

// The table's name is the first attribute of every kind of nf_tables object.
bool is_about_our_table(const nlmsghdr* message) {
  static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1);
  const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
  if (header->nfgen_family != NFPROTO_INET) return false;
  bool ours = false;
  for_each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME)
      ours = kTableName == mnl_attr_get_str(attribute);
  });
  return ours;
}

void read_author(const nlmsghdr* message, ChangeSummary& summary) {
  std::string name;
  std::string process;
  for_each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME) name = mnl_attr_get_str(attribute);
    if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_PID)
      process = std::to_string(ntohl(mnl_attr_get_u32(attribute)));
  });
  if (name.empty()) return;
  summary.program = name;
  summary.by = name + " (process " + process + ")";
}

void note_new_chain(const nlmsghdr* message, ChangeSummary& summary) {
  NftChain chain(nftnl_chain_alloc());
  if (nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return;
  if (auto other = as_other_nat(chain.get())) summary.new_nat.push_back(*std::move(other));
}

}  // namespace

Result<ChangeEvents> ChangeEvents::open() {
  ChangeEvents events;
  TRY(events.rules_, subscribe(NETLINK_NETFILTER, bit(NFNLGRP_NFTABLES)));
  TRY(events.routing_,
      subscribe(NETLINK_ROUTE, bit(RTNLGRP_IPV6_IFADDR) | bit(RTNLGRP_IPV4_RULE) |
                                   bit(RTNLGRP_IPV6_RULE) | bit(RTNLGRP_IPV4_ROUTE) |
                                   bit(RTNLGRP_IPV6_ROUTE)));
  return events;
}

ChangeSummary ChangeEvents::drain() {
  ChangeSummary summary;
  bool pending = false;  // since the last generation: its author comes last
  const bool lost = read_all(rules_.get(), [&](const nlmsghdr* message) {
    switch (message->nlmsg_type & 0xff) {
      case NFT_MSG_NEWGEN:
        if (pending || summary.by.empty()) read_author(message, summary);
        pending = false;
        return;
      case NFT_MSG_NEWCHAIN:
        if (!is_about_our_table(message)) note_new_chain(message, summary);
        break;
      default:
        break;
    }
    if (is_about_our_table(message)) summary.rules = pending = true;
  });
  const bool routing_lost =
      read_all(routing_.get(), [&](const nlmsghdr*) { summary.routing = true; });
  summary.rules = summary.rules || lost;
  summary.routing = summary.routing || routing_lost;
  return summary;
}

}  // namespace weir::init
