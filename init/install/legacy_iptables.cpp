// SPDX-License-Identifier: Apache-2.0
#include "init/install/legacy_iptables.hpp"

#include <string>
#include <string_view>

namespace weir::init {

std::vector<OtherNat> find_legacy_nat(const Environment& environment) {
  constexpr int kLegacyNatPriority = -100;  // NF_IP_PRI_NAT_DST
  std::vector<OtherNat> found;
  for (const std::string_view family : {"ip", "ip6"}) {
    const auto names = environment.read_file("/proc/net/" + std::string(family) + "_tables_names");
    if (names && ("\n" + *names).find("\nnat\n") != std::string::npos)
      found.push_back(
          {"table nat of " + std::string(family) + "tables-legacy", kLegacyNatPriority});
  }
  return found;
}

}  // namespace weir::init
