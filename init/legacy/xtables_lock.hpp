// SPDX-License-Identifier: Apache-2.0
// The lock that iptables-legacy programs share.
#pragma once

#include <chrono>
#include <string>

#include "common/result.hpp"
#include "common/unique_fd.hpp"

namespace weir::init {

struct XtablesLock {
  UniqueFd fd;         // unset: the file cannot be used, and there is no lock
  std::string notice;  // why there is none
};

/// Takes the flock on $XTABLES_LOCKFILE, else /run/xtables.lock, as iptables does. A file that
/// cannot be opened (read-only or missing /run) is no error. EBUSY: still held after `timeout`; the
/// text names the holder. Source: iptables(8), -w.
Result<XtablesLock> lock_xtables(std::chrono::milliseconds timeout);

}  // namespace weir::init
