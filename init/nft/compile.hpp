// SPDX-License-Identifier: Apache-2.0
// IR → libnftnl objects, with every attribute that the kernel and nft(8) expect. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "init/nft/handles.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// The table itself: name, flags and comment.
NftTable compile_table(const Ruleset& ruleset);
NftChain compile_chain(const Chain& chain);
/// `id` must be unique within one transaction. The elements are not included: see elements.hpp.
NftSet compile_set(const Set& set, std::uint32_t id);
NftSet compile_map(const VerdictMap& map, std::uint32_t id);
/// `rule` must hold no Opaque: those are never planned. A field of a network or transport header
/// needs a match on its family or protocol before it in the rule: the kernel compares bytes.
NftRule compile_rule(const Rule& rule, std::string_view chain);

}  // namespace weir::init
