// SPDX-License-Identifier: Apache-2.0
// Which modules of the kernel a rule needs. Source: net/netfilter/Kconfig and the names of the
// expressions in net/netfilter/nft_*.c.
#include <algorithm>
#include <vector>

#include "init/system/errors.hpp"

namespace weir::init {
namespace {

constexpr std::string_view kCt = "nft_ct (CONFIG_NFT_CT)";

std::string_view part_of(Field field) {
  switch (field) {
    case Field::ct_mark:
    case Field::ct_state:
      return kCt;
    case Field::socket_transparent:
      return "nft_socket (CONFIG_NFT_SOCKET)";
    default:
      return {};
  }
}

struct PartOfVerdict {
  std::string_view operator()(const Redirect&) const {
    return "nft_redir and nft_nat (CONFIG_NFT_REDIR, CONFIG_NFT_NAT)";
  }
  std::string_view operator()(const Tproxy&) const { return "nft_tproxy (CONFIG_NFT_TPROXY)"; }
  std::string_view operator()(const Reject&) const {
    return "nft_reject_inet (CONFIG_NFT_REJECT_INET)";
  }
  std::string_view operator()(const SetCtMark&) const { return kCt; }
  std::string_view operator()(const SetZone&) const {
    return "nft_ct with zones (CONFIG_NFT_CT, CONFIG_NF_CONNTRACK_ZONES)";
  }
  std::string_view operator()(const SetTimeout&) const {
    return "nft_ct with timeouts (CONFIG_NFT_CT, CONFIG_NF_CONNTRACK_TIMEOUT)";
  }
  template <class Other>
  std::string_view operator()(const Other&) const {
    return {};
  }
};

}  // namespace

std::string kernel_parts(const Rule& rule) {
  std::vector<std::string_view> parts;
  const auto need = [&](std::string_view part) {
    if (!part.empty() && std::find(parts.begin(), parts.end(), part) == parts.end())
      parts.push_back(part);
  };
  for (const auto& match : rule.matches)
    if (const auto* known = std::get_if<Match>(&match)) need(part_of(known->field));
  need(std::visit(PartOfVerdict{}, rule.verdict));
  std::string text;
  for (const std::string_view part : parts) text.append(text.empty() ? "" : ", ").append(part);
  return text;
}

}  // namespace weir::init
