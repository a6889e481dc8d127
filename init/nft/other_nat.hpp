// SPDX-License-Identifier: Apache-2.0
// NAT chains of others, as the kernel describes them.
#pragma once

#include <optional>

#include "init/rules/backend.hpp"

struct nftnl_chain;

namespace weir::init {

/// Empty when the chain does not do NAT on one of our hooks.
std::optional<OtherNat> as_other_nat(const nftnl_chain* chain);

}  // namespace weir::init
