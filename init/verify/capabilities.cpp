// SPDX-License-Identifier: Apache-2.0
#include "init/verify/capabilities.hpp"

#include <sys/syscall.h>

#include <linux/capability.h>

#include <unistd.h>

namespace weir::init {

bool has_capability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective >> (capability % 32) & 1U) != 0;
}

}  // namespace weir::init
