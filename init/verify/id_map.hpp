// SPDX-License-Identifier: Apache-2.0
// Which users and groups exist in a user namespace: nobody can be another one there.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "init/rules/redirect_config.hpp"

namespace weir::init {

/// Every ID but the last, which means none.
inline constexpr IdRange kEveryId{0, 0xfffffffe};

/// The IDs inside of the namespace that `text` maps, as /proc/PID/uid_map has it: lines of the
/// first ID inside, the first outside, how many. Pure. Source: user_namespaces(7).
std::vector<IdRange> parse_id_map(std::string_view text);

/// Of this process; every ID when the file (/proc/self/uid_map, gid_map) cannot be read.
std::vector<IdRange> read_id_map(const char* path);

bool is_mapped(const std::vector<IdRange>& map, std::uint32_t id);

}  // namespace weir::init
