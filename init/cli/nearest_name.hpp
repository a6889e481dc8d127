// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known name that is closest to a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir::init {

/// How many letters must be changed, added or left out to get from one to the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

/// The nearest of `known`, when no more than a third of its letters differ; empty else.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

/// "; did you mean 'x'?", or nothing.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace weir::init
