// SPDX-License-Identifier: Apache-2.0
// What a packet looks like to a rule: the value of each field, and whether a match holds. Pure.
#pragma once

#include <optional>

#include "init/rules/evaluate.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// The value that the kernel would load. Absent when the packet has no such field, which ends the
/// rule; a missing interface is an empty name instead. Source: nft_meta.c, nft_ct.c, nft_socket.c.
std::optional<Key> field_value(const Packet& packet, Field field);

/// The same under the mask of the match: what is compared.
std::optional<Key> compared_value(const Match& match, const Packet& packet);

/// A set that is not there holds nothing.
bool holds(const Ruleset& rules, const Match& match, const Packet& packet);

/// The chain that the map names for the packet's value.
std::optional<std::string> find_in_map(const Ruleset& rules, const JumpByMap& jump,
                                       const Packet& packet);

}  // namespace weir::init
