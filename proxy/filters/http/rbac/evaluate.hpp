// SPDX-License-Identifier: Apache-2.0
// Which policy a request matches, and what follows from it.
#pragma once

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/rbac/rbac_config.hpp"

namespace weir::filters {

/// Whether the request of `stream`, with the headers as they are now, is what `rule` describes.
bool matches(const RbacRule& rule, HttpStream& stream);

struct RbacVerdict {
  bool allowed = true;
  const RbacPolicy* policy = nullptr;  // the one that matched; nullptr: none
};
RbacVerdict evaluate(const RbacRules& rules, HttpStream& stream);

}  // namespace weir::filters
