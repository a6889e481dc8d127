// SPDX-License-Identifier: Apache-2.0
// What weir-init's exit code says.
#pragma once

#include <cerrno>

#include "common/result.hpp"

namespace weir::init {

enum class ExitCode : int {
  ok = 0,
  other = 1,
  usage = 2,
  capability = 3,
  kernel_feature = 4,
  conflict = 5,
  verification = 6,
  validation = 126,  // the same, when --run-validation asked: istio-iptables' code
};

/// Exit code for an error of the kernel side (its errno; Backend says which is which).
constexpr ExitCode exit_code_of(int code) {
  switch (code) {
    case EPERM:
      return ExitCode::capability;
    case EOPNOTSUPP:
      return ExitCode::kernel_feature;
    case EBUSY:
    case EEXIST:
      return ExitCode::conflict;
    default:
      return ExitCode::other;
  }
}

}  // namespace weir::init
