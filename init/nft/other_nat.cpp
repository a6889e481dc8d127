// SPDX-License-Identifier: Apache-2.0
#include "init/nft/other_nat.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>

#include <libnftnl/chain.h>

#include <string>
#include <string_view>

namespace weir::init {
namespace {

std::string_view family_name(std::uint32_t family) {
  switch (family) {
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_INET:
      return "inet";
    default:
      return "other";
  }
}

}  // namespace

std::optional<OtherNat> as_other_nat(const nftnl_chain* chain) {
  const char* type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
  if (type == nullptr || std::string_view(type) != "nat") return std::nullopt;
  const std::uint32_t hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
  if (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_OUT) return std::nullopt;
  return OtherNat{"table " +
                      std::string(family_name(nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY))) +
                      " " + nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE) + ", chain " +
                      nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME),
                  nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO)};
}

}  // namespace weir::init
