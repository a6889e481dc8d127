// SPDX-License-Identifier: Apache-2.0
// What nf_tables of this kernel can do, found out without changing anything.
//
// A transaction without its end is checked by the kernel, message by message, and then undone: this
// is how `nft --check` works (nfnetlink.c, nfnetlink_rcv_batch(): NFNL_ABORT_VALIDATE). Nothing
// becomes visible, no generation is counted, no event is sent; the table is dormant on top, so that
// not even an empty chain is hooked in meanwhile. Version numbers and /proc/modules would say less:
// features are compiled out, built in, or come as modules on demand. What a probe shares with an
// installation is that the kernel may load a module for it.
#pragma once

#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

struct FeatureResult {
  std::string name;    // "tproxy"
  std::string needed;  // for people: what of ours needs it
  int code = 0;        // errno; 0 = the kernel has it
  bool operator==(const FeatureResult&) const = default;
};

/// EPERM: CAP_NET_ADMIN is missing. EOPNOTSUPP: no nf_tables at all.
/// @param installed the table `inet weir` is there: then the probe's chains go into it, since
/// changing its flags is more than a probe should do.
Result<std::vector<FeatureResult>> probe_features(bool installed);

/// Has the kernel check all of `rules` in the same way; nothing of ours may be installed.
Result<void> probe_rules(const Ruleset& rules);

}  // namespace weir::init
