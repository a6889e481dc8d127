// SPDX-License-Identifier: Apache-2.0
// UTF-8, as far as documents need it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::inject {

/// `code_point` is not a surrogate and at most 0x10ffff.
void append_utf8(std::uint32_t code_point, std::string& out);
/// Whether the text is well-formed (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

}  // namespace weir::inject
