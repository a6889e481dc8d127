// SPDX-License-Identifier: Apache-2.0
#include "common/port_set.hpp"

#include <algorithm>
#include <charconv>

namespace weir {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value == 0 || value > 65535)
    return false;
  port = static_cast<std::uint16_t>(value);
  return true;
}

Error bad_item(std::string_view item, std::size_t position, std::string_view reason) {
  return Error{"port '" + std::string(item) + "' at position " + std::to_string(position) + ": " +
               std::string(reason)};
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
  PortRange range;
  const auto dash = text.find('-');
  const bool ok = dash == std::string_view::npos
                      ? parse_port(text, range.first) && (range.last = range.first, true)
                      : parse_port(trim(text.substr(0, dash)), range.first) &&
                            parse_port(trim(text.substr(dash + 1)), range.last);
  if (!ok) return Error{"not a port from 1 to 65535 or a range FIRST-LAST"};
  if (range.first > range.last) return Error{"the range runs backwards"};
  return range;
}

PortSet PortSet::all() {
  PortSet set;
  set.all_ = true;
  return set;
}

Result<PortSet> PortSet::parse(std::string_view text) {
  if (trim(text) == "*") return all();
  PortSet set;
  if (trim(text).empty()) return set;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto comma = std::min(text.find(',', begin), text.size());
    const auto item = trim(text.substr(begin, comma - begin));
    const std::size_t position = begin + 1;
    begin = comma + 1;
    if (item.empty()) return bad_item(item, position, "empty item; remove the comma");
    if (item == "*") return bad_item(item, position, "'*' stands alone, not in a list");
    const auto range = PortRange::parse(item);
    if (!range) return bad_item(item, position, range.error().message);
    set.add(*range);
  }
  return set;
}

void PortSet::add(PortRange range) {
  if (all_) return;
  const bool ascending = ranges_.empty() || range.first > std::uint32_t{ranges_.back().last} + 1;
  ranges_.push_back(range);
  if (ascending) return;
  std::sort(ranges_.begin(), ranges_.end());
  std::vector<PortRange> merged;
  for (const PortRange& r : ranges_) {
    // Adjacent ranges merge too: 80-81,82 is 80-82.
    if (!merged.empty() && r.first <= std::uint32_t{merged.back().last} + 1)
      merged.back().last = std::max(merged.back().last, r.last);
    else
      merged.push_back(r);
  }
  ranges_ = std::move(merged);
}

bool PortSet::contains(std::uint16_t port) const noexcept {
  if (all_) return true;
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), port,
                       [](std::uint16_t p, const PortRange& r) { return p < r.first; });
  return after != ranges_.begin() && port <= std::prev(after)->last;
}

std::string PortSet::to_string() const {
  if (all_) return "*";
  std::string text;
  for (const PortRange& r : ranges_) {
    if (!text.empty()) text += ',';
    text += std::to_string(r.first);
    if (r.last != r.first) text += "-" + std::to_string(r.last);
  }
  return text;
}

}  // namespace weir
