// SPDX-License-Identifier: Apache-2.0
// Values of one number: times, marks, routing tables.
#include <algorithm>
#include <charconv>

#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

// The routing tables that the kernel has itself. Source: linux/rtnetlink.h, enum rt_class_t.
constexpr std::uint32_t kFirstKernelTable = 253;
constexpr std::uint32_t kLastKernelTable = 255;

Error value_error(const RawValue& value, std::string_view reason) {
  return Error{value.source + ": '" + value.text + "': " + std::string(reason)};
}

std::optional<std::uint32_t> parse_u32(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint32_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Milliseconds of a unit; 0 for none.
double unit_of(std::string_view name) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1e-6}, {"us", 1e-3}, {"µs", 1e-3}, {"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}};
  for (const auto& [unit, milliseconds] : kUnits)
    if (unit == name) return milliseconds;
  return 0;
}

// Digits with at most one point. Not std::from_chars: that of floating numbers brings libm and the
// locales into the program.
std::optional<double> parse_decimal(std::string_view text) {
  double number = 0;
  double scale = 0;  // of the digits behind the point, once it is there
  bool any = false;
  for (const char c : text) {
    if (c == '.') {
      if (scale != 0) return std::nullopt;
      scale = 1;
      continue;
    }
    any = true;
    number = number * 10 + (c - '0');
    scale *= 10;
  }
  if (!any) return std::nullopt;
  return scale == 0 ? number : number / scale;  // divided once: rounded once
}

// The sum of `1h`, `30m`, …; nothing when one of them is none.
std::optional<double> sum_of(std::string_view text) {
  double sum = 0;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = parse_decimal(text.substr(0, digits));
    if (!number) return std::nullopt;
    text.remove_prefix(digits);
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789."));
    if (unit_of(unit) == 0) return std::nullopt;
    sum += *number * unit_of(unit);
    text.remove_prefix(unit.size());
  }
  return sum;
}

std::uint32_t mask_for(std::uint32_t highest) {
  std::uint32_t mask = TproxyMarks{}.mask;
  while ((highest & ~mask) != 0) mask = (mask << 1) | 1;
  return mask;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(const RawValue& value) {
  constexpr double kYear = 365 * 24 * 3600e3;
  if (value.text == "0") return std::chrono::milliseconds(0);
  const auto sum = value.text.empty() ? std::nullopt : sum_of(value.text);
  if (!sum) return value_error(value, "not a duration such as 5s, 500ms or 1m30s");
  if (*sum > kYear) return value_error(value, "longer than a year");
  // Rounded up, without libm: nothing else needs that library.
  const auto whole = static_cast<std::int64_t>(*sum);
  return std::chrono::milliseconds(static_cast<double>(whole) < *sum ? whole + 1 : whole);
}

Result<void> parse_mark(const RawValue& value, TproxyMarks& marks) {
  const std::string_view text = value.text;
  const auto slash = text.find('/');
  const auto mark = parse_u32(text.substr(0, slash));
  if (!mark || *mark == 0 || *mark == 0xffffffff)
    return value_error(value, "not MARK or MARK/MASK with a mark from 1 to 0xfffffffe");
  std::uint32_t mask = mask_for(*mark | (*mark + 1));
  if (slash != std::string_view::npos) {
    const auto given = parse_u32(text.substr(slash + 1));
    if (!given) return value_error(value, "the mask is not a 32-bit number");
    mask = *given;
  }
  if (((*mark | (*mark + 1)) & ~mask) != 0)
    return value_error(value, "the mask must hold the mark and the one after it, both are used");
  marks.mark = *mark;
  marks.mask = mask;
  return {};
}

Result<std::uint32_t> parse_route_table(const RawValue& value) {
  const auto table = parse_u32(value.text);
  if (!table || *table == 0 || (*table >= kFirstKernelTable && *table <= kLastKernelTable))
    return value_error(value,
                       "not a routing table of its own: a number from 1, but for 253 to 255");
  return *table;
}

}  // namespace weir::init
