// SPDX-License-Identifier: Apache-2.0
// Which capabilities this process has in effect.
#pragma once

namespace weir::init {

/// `capability`: CAP_… of linux/capability.h.
bool has_capability(int capability);

}  // namespace weir::init
