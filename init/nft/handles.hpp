// SPDX-License-Identifier: Apache-2.0
// Owners of libnftnl's objects.
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include <memory>

namespace weir::init {

struct NftDeleter {
  void operator()(nftnl_table* table) const noexcept { nftnl_table_free(table); }
  void operator()(nftnl_chain* chain) const noexcept { nftnl_chain_free(chain); }
  void operator()(nftnl_rule* rule) const noexcept { nftnl_rule_free(rule); }
  void operator()(nftnl_set* set) const noexcept { nftnl_set_free(set); }
  void operator()(nftnl_obj* object) const noexcept { nftnl_obj_free(object); }
};
using NftTable = std::unique_ptr<nftnl_table, NftDeleter>;
using NftChain = std::unique_ptr<nftnl_chain, NftDeleter>;
using NftRule = std::unique_ptr<nftnl_rule, NftDeleter>;
using NftObject = std::unique_ptr<nftnl_obj, NftDeleter>;
using NftSet = std::unique_ptr<nftnl_set, NftDeleter>;

}  // namespace weir::init
