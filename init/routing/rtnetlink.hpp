// SPDX-License-Identifier: Apache-2.0
// Requests to rtnetlink.
#pragma once

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <cstdint>
#include <utility>

#include "init/nft/netlink_socket.hpp"

namespace weir::init {

/// One request under construction, with `Header` as its fixed part.
template <class Header>
class RtRequest {
 public:
  RtRequest(std::uint16_t type, int flags) : message_(mnl_nlmsg_put_header(buffer_)) {
    message_->nlmsg_type = type;
    message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message_->nlmsg_seq = 1;
    header_ = static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
  }
  RtRequest(const RtRequest&) = delete;
  RtRequest& operator=(const RtRequest&) = delete;
  Header* operator->() { return header_; }
  [[nodiscard]] nlmsghdr* message() { return message_; }

 private:
  alignas(nlmsghdr) char buffer_[512];
  nlmsghdr* message_;
  Header* header_;
};

/// A socket for any number of them.
class RtSocket {
 public:
  static Result<RtSocket> open() {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    if (!socket) return socket.error();
    return RtSocket(*std::move(socket));
  }
  template <class Header>
  Result<void> send(
      RtRequest<Header>& request,
      const NetlinkSocket::OnMessage& on_reply = [](const nlmsghdr*) {}) {
    request.message()->nlmsg_seq = ++sequence_;
    return socket_.request(request.message(), on_reply);
  }

 private:
  explicit RtSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
  NetlinkSocket socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace weir::init
