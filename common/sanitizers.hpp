// SPDX-License-Identifier: Apache-2.0
// Whether this build is checked by AddressSanitizer: pools then reuse nothing, so that it sees
// every use of what was given back.
#pragma once

namespace weir {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
#else
inline constexpr bool kAddressSanitizer = false;
#endif

}  // namespace weir
