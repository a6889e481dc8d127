// SPDX-License-Identifier: Apache-2.0
#include "init/nft/netlink_socket.hpp"

#include <sys/socket.h>

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>

#include "init/nft/attributes.hpp"

namespace weir::init {
namespace {

// The kernel fills at most 32 KB of a dump at a time (netlink_dump), so a larger buffer gains
// nothing.
constexpr std::size_t kReceiveBuffer = std::size_t{64} * 1024;
// nlmsghdr, an errno and the failed header: what each acknowledgement takes; netlink_sendmsg()
// wants this slack.
constexpr std::size_t kSendSlack = 1024;

Error system_error(std::string_view what, int code) {
  return Error{std::string(what) + ": " + std::strerror(code), code};
}

// Text of the extended acknowledgement, if any. With NETLINK_CAP_ACK only the header of our message
// comes back.
std::string extended_text(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const auto* failure = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  std::size_t skipped = sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0)
    skipped += failure->msg.nlmsg_len - sizeof(nlmsghdr);
  std::string text;
  for_each_attribute(message, skipped, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG) text = mnl_attr_get_str(attribute);
  });
  return text;
}

enum class Progress { more, done };

// One received message. Sets `failure` for a negative acknowledgement or an interrupted dump.
Progress take_reply(const nlmsghdr* message, const NetlinkSocket::OnMessage& on_message,
                    Error& failure) {
  if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
    failure = Error{"the rules changed while they were read", EINTR};
  if (message->nlmsg_type == NLMSG_DONE) return Progress::done;
  if (message->nlmsg_type == NLMSG_ERROR) {
    const auto* reply = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
    if (reply->error != 0) {
      const std::string text = extended_text(message);
      failure = Error{std::strerror(-reply->error) + (text.empty() ? "" : " (" + text + ")"),
                      -reply->error};
    }
    return Progress::done;
  }
  on_message(message);
  return Progress::more;
}

}  // namespace

void NetlinkSocket::Closer::operator()(mnl_socket* socket) const noexcept {
  mnl_socket_close(socket);
}

NetlinkSocket::NetlinkSocket(mnl_socket* socket) : socket_(socket), buffer_(kReceiveBuffer) {}

Result<NetlinkSocket> NetlinkSocket::open(int bus) {
  mnl_socket* raw = mnl_socket_open2(bus, SOCK_CLOEXEC);
  if (raw == nullptr) return system_error("netlink socket", errno);
  NetlinkSocket socket(raw);
  if (mnl_socket_bind(raw, 0, MNL_SOCKET_AUTOPID) < 0) return system_error("netlink bind", errno);
  int on = 1;
  // Both make errors better; an old kernel without them still works.
  mnl_socket_setsockopt(raw, NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(raw, NETLINK_CAP_ACK, &on, sizeof on);
  return socket;
}

std::uint32_t NetlinkSocket::port() const { return mnl_socket_get_portid(socket_.get()); }

Result<void> NetlinkSocket::request(const nlmsghdr* message, const OnMessage& on_message) {
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0)
    return system_error("netlink send", errno);
  Error failure;
  for (;;) {
    const ssize_t received = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return system_error("netlink receive", errno);
    int left = static_cast<int>(received);
    for (const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer_.data());
         mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left)) {
      if (reply->nlmsg_seq != message->nlmsg_seq)
        continue;  // left over from an earlier, failed request
      if (take_reply(reply, on_message, failure) == Progress::more) continue;
      if (failure.code != 0) return failure;
      return {};
    }
  }
}

Result<void> NetlinkSocket::make_room(std::size_t size) {
  const int fd = mnl_socket_get_fd(socket_.get());
  const int wanted = static_cast<int>(size + kSendSlack);
  int have = 0;
  socklen_t length = sizeof have;
  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &length) == 0 && have >= wanted) return {};
  // FORCE needs CAP_NET_ADMIN in the first user namespace; without it net.core.wmem_max is the
  // limit.
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) == 0) return {};
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  length = sizeof have;
  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &length) == 0 && have >= wanted) return {};
  return Error{"the transaction of " + std::to_string(size) +
                   " bytes does not fit in a socket buffer of " + std::to_string(have) +
                   "; raise net.core.wmem_max, shorten the lists, or run outside a user namespace",
               EMSGSIZE};
}

Result<BatchFailure> NetlinkSocket::send_batch(std::span<const char> batch) {
  TRY_VOID(make_room(batch.size()));
  if (mnl_socket_sendto(socket_.get(), batch.data(), batch.size()) < 0)
    return system_error("netlink send", errno);
  // The kernel works through a batch inside sendto(): every reply is already waiting, errors in the
  // order of the messages. If so many failed that replies were dropped (ENOBUFS), the first ones
  // are the ones that were kept.
  BatchFailure first;
  bool acknowledged = false;
  const int fd = mnl_socket_get_fd(socket_.get());
  for (;;) {
    const ssize_t received = recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (received < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    if (received < 0) break;
    int left = static_cast<int>(received);
    for (const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer_.data());
         mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left)) {
      if (reply->nlmsg_type != NLMSG_ERROR) continue;
      const auto* answer = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
      acknowledged = true;
      if (answer->error != 0 && first.code == 0)
        first = BatchFailure{reply->nlmsg_seq, -answer->error, extended_text(reply)};
    }
  }
  if (!acknowledged) return Error{"the kernel did not acknowledge the transaction", EIO};
  return first;
}

}  // namespace weir::init
