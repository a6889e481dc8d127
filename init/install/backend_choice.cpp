// SPDX-License-Identifier: Apache-2.0
#include "init/install/backend_choice.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <libnftnl/common.h>

#include <cerrno>

#include "init/legacy/legacy_backend.hpp"
#include "init/legacy/table_name.hpp"
#include "init/nft/netlink_socket.hpp"
#include "init/nft/nft_backend.hpp"

namespace weir::init {
namespace {

// What the kernel says to a request for nf_tables when it has none: no such protocol, or no such
// part of it. Source: nfnetlink.c, nfnetlink_rcv_msg().
bool is_missing(int code) {
  return code == EPROTONOSUPPORT || code == EAFNOSUPPORT || code == EOPNOTSUPP || code == EINVAL ||
         code == ENOSYS;
}

Result<void> ask_nf_tables() {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  char buffer[256];
  return socket->request(
      nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, 1),
      [](const nlmsghdr*) {});
}

Result<std::unique_ptr<Backend>> open_nftables() {
  if (const auto asked = ask_nf_tables(); !asked && is_missing(asked.error().code))
    return Error{"nftables: " + asked.error().message + "; the kernel has no nf_tables",
                 EOPNOTSUPP};
  TRY(auto backend, NftBackend::open());
  return std::unique_ptr<Backend>(std::make_unique<NftBackend>(std::move(backend)));
}

Result<std::unique_ptr<Backend>> open_legacy(std::chrono::milliseconds lock_timeout) {
  TRY(auto backend, LegacyBackend::open(lock_timeout));
  return std::unique_ptr<Backend>(std::make_unique<LegacyBackend>(std::move(backend)));
}

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(BackendKind kind,
                                              std::chrono::milliseconds lock_timeout) {
  if (kind == BackendKind::nftables) return open_nftables();
  if (kind == BackendKind::legacy) return open_legacy(lock_timeout);
  auto nftables = open_nftables();
  if (nftables || nftables.error().code != EOPNOTSUPP) return nftables;
  auto legacy = open_legacy(lock_timeout);
  if (legacy) return legacy;
  return Error{"no backend: " + nftables.error().message + "; " + legacy.error().message,
               EOPNOTSUPP};
}

Result<std::unique_ptr<Backend>> open_left_backend(const Backend& chosen,
                                                   std::chrono::milliseconds lock_timeout) {
  std::unique_ptr<Backend> none;
  const bool to_legacy = chosen.name() == "nftables";
  // To look into a table that cannot be listed would create it.
  if (to_legacy && !existing_tables(IpFamily::v4)) return none;
  auto other = to_legacy ? open_legacy(lock_timeout) : open_nftables();
  if (!other) {
    if (other.error().code == EOPNOTSUPP) return none;
    return other.error();
  }
  const auto observed = (*other)->read();
  // A table 'inet weir' of somebody else's is not left by us.
  if (!observed && observed.error().code == EBUSY) return none;
  if (!observed) return observed.error();
  if (!observed->rules) return none;
  return other;
}

}  // namespace weir::init
