// SPDX-License-Identifier: Apache-2.0
// A library to preload: stands between a program and the tables of iptables-legacy and spoils one
// call. What to spoil is in $WEIR_XT_FAULT:
//   get:N    the N-th read (getsockopt) fails
//   set:N    the N-th change (setsockopt) fails, nothing is changed
//   again:N  the N-th change fails as if another program had changed the table before
//   kill:N   the program is killed after the N-th change
//   xt_socket  there is no match `socket`
//   nf_tables  there is no nf_tables: its netlink family is unknown
// At the end of the program "reads changes" is written to $WEIR_XT_FAULT_COUNT, if set.
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <dlfcn.h>

namespace {

// linux/netfilter_ipv4/ip_tables.h: IPT_BASE_CTL and the options after it; IPv6 has the same.
bool is_xtables(int level, int option) {
  return (level == SOL_IP || level == SOL_IPV6) && option >= 64 && option <= 67;
}

std::string_view wanted() {
  const char* text = std::getenv("WEIR_XT_FAULT");
  return text == nullptr ? "" : text;
}

bool is_fault(std::string_view kind, long number) {
  return wanted() == std::string(kind) + ":" + std::to_string(number);
}

struct Counts {
  long reads = 0;
  long changes = 0;
  ~Counts() {
    const char* path = std::getenv("WEIR_XT_FAULT_COUNT");
    if (path == nullptr) return;
    if (FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld %ld\n", reads, changes);
      std::fclose(file);
    }
  }
};

Counts& counts() {
  static Counts all;
  return all;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int socket(int domain, int type, int protocol) noexcept {
  static const auto next = real<int (*)(int, int, int)>("socket");
  if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER && wanted() == "nf_tables") {
    errno = EPROTONOSUPPORT;
    return -1;
  }
  return next(domain, type, protocol);
}

[[gnu::visibility("default")]] int getsockopt(int fd, int level, int option, void* value,
                                              socklen_t* length) noexcept {
  static const auto next = real<int (*)(int, int, int, void*, socklen_t*)>("getsockopt");
  if (level == SOL_IP && option == 66 && wanted() == "xt_socket" &&  // IPT_SO_GET_REVISION_MATCH
      std::string_view(static_cast<const char*>(value)) == "socket") {
    errno = ENOENT;
    return -1;
  }
  if (is_xtables(level, option) && is_fault("get", ++counts().reads)) {
    errno = ENOMEM;
    return -1;
  }
  return next(fd, level, option, value, length);
}

[[gnu::visibility("default")]] int setsockopt(int fd, int level, int option, const void* value,
                                              socklen_t length) noexcept {
  static const auto next = real<int (*)(int, int, int, const void*, socklen_t)>("setsockopt");
  if (!is_xtables(level, option)) return next(fd, level, option, value, length);
  const long number = ++counts().changes;
  if (is_fault("set", number) || is_fault("again", number)) {
    errno = is_fault("set", number) ? ENOMEM : EAGAIN;
    return -1;
  }
  const int result = next(fd, level, option, value, length);
  if (is_fault("kill", number)) (void)std::raise(SIGKILL);
  return result;
}
}
