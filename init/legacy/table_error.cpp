// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/table_error.hpp"

#include <cerrno>

#include "common/kernel_headers.hpp"
#include "common/unique_fd.hpp"

namespace weir::init {
namespace {

// libiptc opens a raw socket for what it asks the kernel.
bool may_open_raw_socket() {
  return static_cast<bool>(UniqueFd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)));
}

}  // namespace

Error explain_table_error(const Error& error, const TableName& table, std::string_view what) {
  const std::string text = std::string(what) + " " + table.to_string() + ": " + error.message;
  const std::string module = table.family == IpFamily::v4 ? "ip_tables" : "ip6_tables";
  switch (error.code) {
    case EPERM:
    case EACCES:
      return Error{text + (may_open_raw_socket()
                               ? "; CAP_NET_ADMIN is needed in this network namespace"
                               : "; iptables-legacy's tables need CAP_NET_RAW and CAP_NET_ADMIN in "
                                 "this network namespace (nftables needs CAP_NET_ADMIN only)"),
                   EPERM};
    case ENOPROTOOPT:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return Error{text +
                       "; the kernel has no such tables: load the module on the machine "
                       "(modprobe " +
                       module + ") or use --backend nftables",
                   EOPNOTSUPP};
    case ENOENT:
      return Error{
          text +
              "; the kernel lacks the table or an extension that the rules use (xt_owner, "
              "xt_multiport, xt_comment, xt_REDIRECT, …): load the modules on the machine, "
              "or use --backend nftables",
          EOPNOTSUPP};
    case EAGAIN:
      return Error{text +
                       "; other programs change the table all the time without the lock; try "
                       "again",
                   EAGAIN};
    default:
      return Error{text, error.code};
  }
}

}  // namespace weir::init
