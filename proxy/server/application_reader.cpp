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
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/unique_fd.hpp"

namespace weir::server {
namespace {

/// Other errors say that it is gone, or not for this user's eyes.
bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

Error proc_error() {
  const int code = errno;
  return Error{std::string("/proc: ") + std::strerror(code), code};
}

/// The beginning; "" of a file that is gone.
Result<std::string> read_file(const std::filesystem::path& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && is_shortage(errno)) return proc_error();
  std::array<char, 4096> text;
  const ssize_t size = file ? read(file.get(), text.data(), text.size()) : 0;
  return std::string(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

struct Stat {
  std::string name;
  char state = 'X';
};

/// The name may hold anything: "7 (a) b) S 1 …".
Result<Stat> read_stat(const std::filesystem::path& directory) {
  TRY(const std::string line, read_file(directory / "stat"));
  const std::size_t begin = line.find(" (");
  const std::size_t end = line.rfind(") ");
  if (begin == std::string::npos || end == std::string::npos || end + 2 >= line.size())
    return Stat{};
  return Stat{line.substr(begin + 2, end - begin - 2), line[end + 2]};
}

/// Whether it is the container runtime on its way into the proxy's own container, to execute a
/// probe there: root until it has changed its user. Where a control group holds a container, other
/// containers have others. Source: runc's libcontainer/nsenter names its stages, crun itself.
Result<bool> executes_a_probe(const std::filesystem::path& directory, const std::string& name) {
  if (!name.starts_with("runc:[") && name != "crun") return false;
  TRY(const std::string groups, read_file(directory / "cgroup"));
  TRY(const std::string own, read_file(directory.parent_path() / "self/cgroup"));
  return groups == own;
}

Result<bool> is_there(const std::filesystem::path& directory, pid_t pid,
                      const std::function<bool(const ProcessView&)>& is_wanted) {
  struct stat owner {};
  if (stat(directory.c_str(), &owner) != 0) return false;
  if (!is_wanted({pid, owner.st_uid, owner.st_gid})) return false;
  TRY(const Stat stat, read_stat(directory));
  if (stat.state == 'Z' || stat.state == 'X') return false;
  TRY(const bool probe, executes_a_probe(directory, stat.name));
  return !probe;
}

Error netlink_error(std::string_view call) {
  const int code = errno;
  return Error{"sock_diag: " + std::string(call) + ": " + std::strerror(code), code};
}

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Result<void> ask(int fd, int family, std::uint32_t states) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = static_cast<__u8>(family);
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = states;
  if (send(fd, &request, sizeof request, 0) < 0) return netlink_error("send");
  return {};
}

enum class Answer : std::uint8_t { found, more, end };

Result<Answer> read_some(int fd, const std::function<bool(const SocketView&)>& is_wanted) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0) return netlink_error("recv");
  auto left = static_cast<std::size_t>(got);
  for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
       header = NLMSG_NEXT(header, left)) {
    if (header->nlmsg_type == NLMSG_DONE) return Answer::end;
    if (header->nlmsg_type == NLMSG_ERROR) {
      const auto* failure = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
      errno = -failure->error;
      return netlink_error("dump");
    }
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) continue;
    const auto* message = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
    if (is_wanted({message->idiag_uid, message->idiag_state, message->idiag_inode}))
      return Answer::found;
  }
  return Answer::more;
}

/// The rest of what was asked for goes with the socket.
Result<bool> has_socket(int family, std::uint32_t states,
                        const std::function<bool(const SocketView&)>& is_wanted) {
  const UniqueFd fd(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return netlink_error("socket");
  TRY_VOID(ask(fd.get(), family, states));
  Answer answer = Answer::more;
  while (answer == Answer::more) {
    TRY(answer, read_some(fd.get(), is_wanted));
  }
  return answer == Answer::found;
}

}  // namespace

bool may_share_processes() {
  std::error_code error;
  const auto name = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return getpid() != 1 && !error && name != "pid:[4026531836]";
}

ProcessView own_process() { return {getpid(), geteuid(), getegid()}; }

Result<std::optional<pid_t>> find_process(const std::function<bool(const ProcessView&)>& is_wanted,
                                          pid_t likely, const std::filesystem::path& proc) {
  TRY(const bool still, is_there(proc / std::to_string(likely), likely, is_wanted));
  if (still) return std::optional(likely);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(proc.c_str()), &closedir);
  if (directory == nullptr && is_shortage(errno)) return proc_error();
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(name.begin(), name.end(), pid);
    if (error != std::errc{} || rest != name.end()) continue;
    TRY(const bool found, is_there(proc / name, pid, is_wanted));
    if (found) return std::optional(pid);
  }
  return std::optional<pid_t>();
}

/// Most applications listen, and there are few such sockets; the others are in a table that is
/// large on a large machine.
Result<bool> has_tcp_socket(const std::function<bool(const SocketView&)>& is_wanted) {
  for (const std::uint32_t states :
       {1u << TCP_LISTEN, 1u << TCP_SYN_SENT | 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT})
    for (const int family : {AF_INET, AF_INET6}) {
      TRY(const bool found, has_socket(family, states, is_wanted));
      if (found) return true;
    }
  return false;
}

}  // namespace weir::server
