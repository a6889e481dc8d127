// SPDX-License-Identifier: Apache-2.0
// Sets of ports, as flags and configuration name them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace weir {

/// Inclusive range of ports, host order, first ≤ last.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  auto operator<=>(const PortRange&) const = default;

  /// One port or `FIRST-LAST`, 1..65535. Error is the reason alone, so that the caller can say
  /// where.
  static Result<PortRange> parse(std::string_view text);
};

/// A set of ports: `*` (all), or sorted, merged, disjoint ranges.
class PortSet {
 public:
  PortSet() = default;
  static PortSet all();
  /// Comma list of ports 1..65535 and ranges `8000-8010`, or `*`. Blanks around items are ignored,
  /// empty text is the empty set. Error quotes the item and gives its 1-based position in the text.
  static Result<PortSet> parse(std::string_view text);

  /// Cheap when ranges come in ascending order.
  void add(PortRange range);
  [[nodiscard]] bool is_all() const noexcept { return all_; }
  [[nodiscard]] bool empty() const noexcept { return !all_ && ranges_.empty(); }
  [[nodiscard]] bool contains(std::uint16_t port) const noexcept;
  /// Empty when is_all().
  [[nodiscard]] const std::vector<PortRange>& ranges() const noexcept { return ranges_; }
  [[nodiscard]] std::string to_string() const;

  bool operator==(const PortSet&) const = default;

 private:
  std::vector<PortRange> ranges_;
  bool all_ = false;
};

}  // namespace weir
