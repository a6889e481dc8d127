// SPDX-License-Identifier: Apache-2.0
// Decimal fractions as statistics show them.
#pragma once

#include <string>

namespace weir::stats {

/// The shortest text that reads back as the same number, without an exponent: "0", "5.05".
void append_decimal(std::string& out, double value);

/// Up to 32 digits, as Envoy prints sums: "5.049504950495049548919723747531".
void append_long_decimal(std::string& out, double value);

}  // namespace weir::stats
