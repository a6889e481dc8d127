// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/application_reader.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <dirent.h>
#include <unistd.h>

#include "common/unique_fd.hpp"

namespace weir::server {
namespace {

/// The letter behind the name, which may hold anything: "7 (a) b) S 1 …".
char state_of(const std::filesystem::path& directory) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen((directory / "stat").c_str(), "re"),
                                                   &std::fclose);
  if (file == nullptr) return 'X';
  std::array<char, 256> text{};
  const std::size_t size = std::fread(text.data(), 1, text.size(), file.get());
  const std::string_view line(text.data(), size);
  const std::size_t name_end = line.rfind(") ");
  return name_end == std::string_view::npos || name_end + 2 >= line.size() ? 'X'
                                                                           : line[name_end + 2];
}

Error netlink_error(std::string_view call) {
  const int code = errno;
  return Error{"sock_diag: " + std::string(call) + ": " + std::strerror(code), code};
}

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Result<void> ask(int fd, int family) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = static_cast<__u8>(family);
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states =
      1u << TCP_LISTEN | 1u << TCP_SYN_SENT | 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT;
  if (send(fd, &request, sizeof request, 0) < 0) return netlink_error("send");
  return {};
}

/// @return whether more is to come.
Result<bool> read_some(int fd, std::vector<SocketView>& sockets) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0) return netlink_error("recv");
  auto left = static_cast<std::size_t>(got);
  for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
       header = NLMSG_NEXT(header, left)) {
    if (header->nlmsg_type == NLMSG_DONE) return false;
    if (header->nlmsg_type == NLMSG_ERROR) {
      const auto* failure = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
      errno = -failure->error;
      return netlink_error("dump");
    }
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) continue;
    const auto* message = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
    sockets.push_back({message->idiag_uid, message->idiag_state, message->idiag_inode});
  }
  return true;
}

}  // namespace

bool may_share_processes() {
  std::error_code error;
  const auto name = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return getpid() != 1 && !error && name != "pid:[4026531836]";
}

std::vector<ProcessView> read_processes(const std::filesystem::path& proc) {
  std::vector<ProcessView> processes;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(proc.c_str()), &closedir);
  if (directory == nullptr) return processes;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name(entry->d_name);
    ProcessView process;
    const auto [rest, error] = std::from_chars(name.begin(), name.end(), process.pid);
    if (error != std::errc{} || rest != name.end()) continue;
    struct stat owner {};
    if (stat((proc / name).c_str(), &owner) != 0) continue;  // gone meanwhile
    process.uid = owner.st_uid;
    process.state = state_of(proc / name);
    processes.push_back(process);
  }
  return processes;
}

Result<std::vector<SocketView>> read_tcp_sockets() {
  std::vector<SocketView> sockets;
  const UniqueFd fd(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return netlink_error("socket");
  for (const int family : {AF_INET, AF_INET6}) {
    TRY_VOID(ask(fd.get(), family));
    bool more = true;
    while (more) {
      TRY(more, read_some(fd.get(), sockets));
    }
  }
  return sockets;
}

}  // namespace weir::server
