// SPDX-License-Identifier: Apache-2.0
// weir-init(8), as roff with the man macros. Pure.
#pragma once

#include <string>
#include <string_view>

namespace weir::init {

std::string man_page();

/// Text with roff's own characters escaped: backslashes, dashes that must stay dashes, and a dot or
/// quote at the beginning of a line.
std::string roff_text(std::string_view text);

}  // namespace weir::init
