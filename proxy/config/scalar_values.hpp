// SPDX-License-Identifier: Apache-2.0
// Scalars of the proto3 JSON mapping as pure functions: text → number, bool, duration, bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::config {

/// A parsed scalar. `remark` is not empty when the text was accepted only out of leniency, and says
/// how to write it.
template <class T>
struct Scalar {
  T value{};
  std::string remark;
};

/// Decimal integers, and integral floats such as 1e3. Plain (unquoted) hexadecimal (0x1f) and octal
/// (017) numbers are accepted with a remark, as yaml-cpp reads them. nullopt = not an integer or
/// out of range.
std::optional<Scalar<std::int64_t>> parse_signed(std::string_view text, bool quoted);
std::optional<Scalar<std::uint64_t>> parse_unsigned(std::string_view text, bool quoted);
/// Also Infinity, -Infinity and NaN.
std::optional<double> parse_double(std::string_view text);
/// true and false; yes, no, on, off, y and n (unquoted, lower case, upper case or capitalised) with
/// a remark.
std::optional<Scalar<bool>> parse_bool(std::string_view text, bool quoted);

/// proto3 JSON Duration: "1.5s", at most nine decimals, ±315,576,000,000 s.
struct DurationParts {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;  // same sign as seconds
};
std::optional<DurationParts> parse_duration(std::string_view text);

/// Base64, standard or URL-safe alphabet, padding optional.
std::optional<std::string> parse_base64(std::string_view text);

bool is_valid_utf8(std::string_view text);

}  // namespace weir::config
