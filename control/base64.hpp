// SPDX-License-Identifier: Apache-2.0
// Base64 out (RFC 4648 §4).
#pragma once

#include <string>
#include <string_view>

namespace weir::control {

/// With padding, in one line.
std::string base64(std::string_view bytes);

}  // namespace weir::control
