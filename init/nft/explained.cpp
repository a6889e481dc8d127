// SPDX-License-Identifier: Apache-2.0
#include "init/nft/explained.hpp"

#include <cerrno>
#include <string>

namespace weir::init {

Error explained(const Error& error, std::string_view what) {
  if (error.code == EBUSY) return error;
  const std::string text = std::string(what) + ": " + error.message;
  switch (error.code) {
    case EPERM:
    case EACCES:
      return Error{text + "; CAP_NET_ADMIN is needed in this network namespace", EPERM};
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
    case ENOENT:
    case ENOSYS:
      return Error{
          text +
              "; the kernel lacks nf_tables NAT for the inet family (Linux 5.10 or newer with "
              "CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, CONFIG_NFT_REDIR)",
          EOPNOTSUPP};
    default:
      return Error{text, error.code};
  }
}

}  // namespace weir::init
