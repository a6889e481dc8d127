// SPDX-License-Identifier: Apache-2.0
#include "init/install/network_namespace.hpp"

#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/nsfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>

#include "common/unique_fd.hpp"
#include "init/system/errors.hpp"

namespace weir::init {
namespace {

// linux/nsfs.h since 6.17, NET_NS_INIT_INO: the first network namespace's number. Older kernels
// number from 0xF0000000 up, so that no namespace of theirs has it by chance.
constexpr ino_t kInitialNamespace = 0xeffffff9;
// Written for all interfaces together, so that the kernel shows it in the first network namespace
// only. Source: net/core/sysctl_net_core.c, net_core_table.
constexpr const char* kHostOnlyFile = "/proc/sys/net/core/netdev_max_backlog";

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error failed(const std::string& where, int code) {
  return explained_error(Operation::enter_namespace, "--network-namespace: '" + where + "'",
                         Error{std::strerror(code), code}, surroundings());
}

Result<void> enter_owner(const std::string& where, int fd) {
  const UniqueFd owner(ioctl(fd, NS_GET_USERNS));
  if (!owner) return failed(where, EPERM);
  if (setns(owner.get(), CLONE_NEWUSER) != 0 || setns(fd, CLONE_NEWNET) != 0)
    return failed(where, errno == EINVAL ? EPERM : errno);
  return {};
}

}  // namespace

std::string network_namespace_path(const std::string& where) {
  if (where.find('/') != std::string::npos) return where;
  return is_number(where) ? "/proc/" + where + "/ns/net" : "/run/netns/" + where;
}

Result<void> enter_network_namespace(const std::string& where) {
  const UniqueFd fd(::open(network_namespace_path(where).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed(where, errno);
  if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET)
    return Error{
        "--network-namespace: '" + where +
            "': not a network namespace; give a path, a process ID or a name of 'ip netns'",
        EINVAL};
  if (setns(fd.get(), CLONE_NEWNET) == 0) return {};
  if (errno != EPERM) return failed(where, errno);
  return enter_owner(where, fd.get());
}

std::string evidence_of_host_namespace(const Environment& environment) {
  if (environment.read_file(kHostOnlyFile))
    return std::string(kHostOnlyFile) + " exists in the first network namespace only";
  struct stat status {};
  if (stat("/proc/self/ns/net", &status) == 0 && status.st_ino == kInitialNamespace)
    return "/proc/self/ns/net has the number of the first network namespace";
  return {};
}

}  // namespace weir::init
