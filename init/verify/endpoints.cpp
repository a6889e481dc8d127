// SPDX-License-Identifier: Apache-2.0
#include "init/verify/endpoints.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/fsuid.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/socket_address.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kSequence = 0x57454952;

Error failed(std::string_view what, int code) {
  return Error{std::string(what) + ": " + std::strerror(code), code};
}

void set_option(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

UniqueFd listener_on(IpFamily family, std::uint16_t port, bool transparent) {
  const bool v4 = family == IpFamily::v4;
  UniqueFd fd(socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fd;
  if (!v4) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // A connection of an earlier proof may still linger there.
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (transparent)
    v4 ? set_option(fd.get(), IPPROTO_IP, IP_TRANSPARENT, 1)
       : set_option(fd.get(), IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
  const SocketAddress address(Endpoint{IpAddress::any(family), port});
  if (bind(fd.get(), &address.generic, address.length) != 0) fd.reset();
  return fd;
}

// The owner of a socket is who its maker's file system IDs say. Both are per thread. Source:
// setfsuid(2); nft_meta.c reads f_cred->fsuid and fsgid.
class AsOwner {
 public:
  explicit AsOwner(const Packet& packet) {
    if (packet.gid) group_ = setfsgid(*packet.gid);
    if (packet.uid) user_ = setfsuid(*packet.uid);
  }
  AsOwner(const AsOwner&) = delete;
  AsOwner& operator=(const AsOwner&) = delete;
  // Who is not mapped in this user namespace cannot be an owner; the calls do not say so
  // themselves.
  [[nodiscard]] Result<void> check(const Packet& packet) const {
    constexpr auto kNobody = static_cast<std::uint32_t>(-1);  // changes nothing
    if (packet.uid && static_cast<std::uint32_t>(setfsuid(kNobody)) != *packet.uid)
      return Error{"uid " + std::to_string(*packet.uid) + " cannot be taken: its connections",
                   EPERM};
    if (packet.gid && static_cast<std::uint32_t>(setfsgid(kNobody)) != *packet.gid)
      return Error{"gid " + std::to_string(*packet.gid) + " cannot be taken: its connections",
                   EPERM};
    return {};
  }
  ~AsOwner() {
    if (user_ >= 0) setfsuid(static_cast<uid_t>(user_));
    if (group_ >= 0) setfsgid(static_cast<gid_t>(group_));
  }

 private:
  int user_ = -1;
  int group_ = -1;
};

Result<UniqueFd> socket_of(const Packet& packet, int type, int protocol) {
  const AsOwner owner(packet);
  TRY_VOID(owner.check(packet));
  UniqueFd fd(socket(packet.source.is_v4() ? AF_INET : AF_INET6,
                     type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return failed("socket", errno);
  if (packet.mark != 0 &&
      setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &packet.mark, sizeof packet.mark) != 0)
    return failed("mark", errno);
  return fd;
}

Result<void> bind_to(int fd, const Endpoint& endpoint) {
  const SocketAddress address(endpoint);
  if (bind(fd, &address.generic, address.length) != 0)
    return failed("source " + endpoint.address.to_string(), errno);
  return {};
}

bool is_refusal(int code) { return code == ECONNREFUSED || code == ECONNRESET; }

Segment segment_of(const Packet& packet, std::uint16_t source_port) {
  return {packet.protocol,
          {packet.source, source_port},
          {packet.destination, packet.destination_port},
          packet.tcp_flags,
          kSequence,
          packet.tcp_flags == kTcpSyn ? 0 : kSequence};
}

}  // namespace

StandIn StandIn::take(const std::set<std::uint16_t>& proxy_ports, bool transparent,
                      const std::set<std::uint16_t>& application_ports, bool ipv6) {
  StandIn stand_in;
  const auto take_port = [&](std::uint16_t port, bool of_proxy) {
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
      if (family == IpFamily::v6 && !ipv6) continue;
      UniqueFd fd = listener_on(family, port, of_proxy && (transparent || family == IpFamily::v6));
      if (fd)
        stand_in.listeners_.push_back({std::move(fd), port});
      else if (of_proxy)
        stand_in.complete_ = false;
    }
  };
  for (const std::uint16_t port : proxy_ports) take_port(port, true);
  for (const std::uint16_t port : application_ports)
    if (!proxy_ports.contains(port)) take_port(port, false);
  return stand_in;
}

void StandIn::listen() {
  for (const Listener& listener : listeners_) (void)::listen(listener.fd.get(), 256);
}

bool StandIn::holds(std::uint16_t port) const {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const Listener& listener) { return listener.port == port; });
}

void StandIn::drain(std::vector<Arrival>& arrivals) {
  for (const Listener& listener : listeners_)
    for (;;) {
      SocketAddress peer;
      UniqueFd fd(accept4(listener.fd.get(), &peer.generic, &peer.length, SOCK_CLOEXEC));
      if (!fd) break;
      arrivals.push_back({peer.endpoint(), listener.port});
      accepted_.push_back(std::move(fd));
    }
}

Result<Sender> Sender::send(const Packet& packet, std::uint16_t lone_port) {
  Sender sender;
  const bool tcp = packet.protocol == IPPROTO_TCP;
  const bool lone = tcp && packet.tcp_flags != kTcpSyn;
  TRY(sender.socket_, socket_of(packet,
                                lone  ? SOCK_RAW
                                : tcp ? SOCK_STREAM
                                      : SOCK_DGRAM,
                                lone ? IPPROTO_TCP : 0));
  const int fd = sender.socket_.get();
  TRY_VOID(bind_to(fd, {packet.source, 0}));
  const Endpoint destination{packet.destination, packet.destination_port};
  sender.tuple_ = {packet.protocol, {packet.source, lone_port}, destination};
  if (lone) {
    const auto bytes = transport_bytes(segment_of(packet, lone_port));
    const SocketAddress to(Endpoint{packet.destination, 0});
    if (sendto(fd, bytes.data(), bytes.size(), 0, &to.generic, to.length) < 0 && errno != EPERM)
      return failed("send", errno);
    sender.socket_.reset();
    return sender;
  }
  TRY(sender.tuple_.source, local_endpoint(fd));
  // A reset instead of a farewell: nothing waits for it.
  const linger at_once{1, 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const SocketAddress to(destination);
  int code = connect(fd, &to.generic, to.length) == 0 ? 0 : errno;
  if (!tcp && code == 0) code = ::send(fd, "", 0, 0) < 0 ? errno : 0;
  sender.refused_ = is_refusal(code);
  // EPERM: a rule dropped it.
  if (code != 0 && code != EINPROGRESS && code != EPERM && !sender.refused_)
    return failed("connect", code);
  return sender;
}

Answer Sender::answer() {
  if (refused_) return Answer::refused;
  if (!socket_) return Answer::none;
  int code = 0;
  socklen_t length = sizeof code;
  // Reading the error takes it away.
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &code, &length) == 0)
    refused_ = is_refusal(code);
  if (refused_) return Answer::refused;
  if (tuple_.protocol != IPPROTO_TCP) return Answer::none;
  tcp_info info{};
  length = sizeof info;
  if (getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return Answer::none;
  return info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_CLOSE_WAIT
             ? Answer::established
             : Answer::none;
}

Result<FarEnd> FarEnd::open(const Stage& stage) {
  FarEnd end;
  for (std::size_t i = 0; i < stage.links().size(); ++i) {
    UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failed("packet socket", errno);
    set_option(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    // The queue of a card that just came up may not be there yet.
    set_option(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(Stage::outer_name(i).c_str()));
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return failed("packet socket", errno);
    end.sockets_.push_back(std::move(fd));
    end.names_.push_back(stage.links()[i].name);
  }
  return end;
}

Result<void> FarEnd::put(const Segment& segment, const std::string& interface) const {
  const auto name = std::find(names_.begin(), names_.end(), interface);
  if (name == names_.end()) return Error{"no link '" + interface + "'", ENODEV};
  const auto link = static_cast<std::size_t>(name - names_.begin());
  const auto frame = frame_bytes(segment, Stage::far_mac(link), Stage::inner_mac(link));
  if (::send(sockets_[link].get(), frame.data(), frame.size(), 0) < 0)
    return failed("packet socket", errno);
  return {};
}

Result<ConntrackTuple> FarEnd::inject(const Packet& packet, std::uint16_t source_port) const {
  const Segment segment = segment_of(packet, source_port);
  TRY_VOID(put(segment, packet.in_interface));
  return ConntrackTuple{packet.protocol, segment.source, segment.destination};
}

void FarEnd::reset(const ConntrackTuple& tuple, const std::string& interface) const {
  (void)put({tuple.protocol, tuple.source, tuple.destination, kTcpFlagRst, kSequence + 1, 0},
            interface);
}

void FarEnd::drain(std::vector<Segment>& answers) const {
  std::uint8_t frame[2048];
  for (const UniqueFd& fd : sockets_)
    for (ssize_t got = 0; (got = recv(fd.get(), frame, sizeof frame, 0)) > 0;)
      if (const auto segment = parse_frame({frame, static_cast<std::size_t>(got)}))
        answers.push_back(*segment);
}

}  // namespace weir::init
