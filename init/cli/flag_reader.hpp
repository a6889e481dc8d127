// SPDX-License-Identifier: Apache-2.0
// Reads one flag into its target; an absent flag leaves the target as it is.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

Result<void> read_boolean(const RawFlags& flags, FlagId id, bool& target);
/// 1 to 65535.
Result<void> read_port(const RawFlags& flags, FlagId id, std::uint16_t& target);
void read_text(const RawFlags& flags, FlagId id, std::string& target);

/// "--ipv6: 'maybe': not one of 'capture', 'block' and 'ignore'".
Error choice_error(const RawValue& value, std::span<const std::string_view> names);

/// One of a few words. An empty value is the default.
template <class T, std::size_t N>
Result<void> read_choice(const RawFlags& flags, FlagId id,
                         const std::pair<std::string_view, T> (&choices)[N], T& target) {
  const auto& value = flags.get(id);
  if (!value || value->text.empty()) return {};
  std::string_view names[N];
  for (std::size_t i = 0; i < N; ++i) {
    names[i] = choices[i].first;
    if (value->text != choices[i].first) continue;
    target = choices[i].second;
    return {};
  }
  return choice_error(*value, names);
}

}  // namespace weir::init
