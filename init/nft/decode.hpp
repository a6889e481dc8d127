// SPDX-License-Identifier: Apache-2.0
// libnftnl objects as read from the kernel → IR. What the IR cannot say becomes Opaque or
// `unknown`, so that it never compares equal to a plan. Pure.
#pragma once

#include "init/nft/handles.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

Rule decode_rule(const nftnl_rule* rule);
/// What its counter says; zeros when it has none.
struct CounterValues {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};
CounterValues decode_counter(const nftnl_rule* rule);
/// Without rules.
Chain decode_chain(const nftnl_chain* chain);
/// nf_tables calls sets, maps and what an unnamed `{ … }` of a rule becomes all "set".
enum class SetKind : std::uint8_t { set, map, anonymous };
SetKind kind_of_set(const nftnl_set* set);
/// Without elements.
Set decode_set(const nftnl_set* set);
VerdictMap decode_map(const nftnl_set* set);
CtTimeout decode_timeout(const nftnl_obj* object);
/// Comment of the table, empty when it has none.
std::string decode_table_comment(const nftnl_table* table);

}  // namespace weir::init
