// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/record_filter.hpp"

#include <algorithm>

namespace weir::access_log {
namespace {

bool compare(std::uint64_t left, RecordFilter::Comparison comparison, std::uint64_t right) {
  switch (comparison) {
    case RecordFilter::Comparison::equal:
      return left == right;
    case RecordFilter::Comparison::at_least:
      return left >= right;
    case RecordFilter::Comparison::at_most:
      return left <= right;
    case RecordFilter::Comparison::not_equal:
      return left != right;
  }
  return false;
}

}  // namespace

bool RecordFilter::matches(const Record& record) const {
  const auto holds = [&](const RecordFilter& child) { return child.matches(record); };
  switch (kind) {
    case Kind::every:
      return true;
    case Kind::any_flag:
      return record.flags.bits != 0;
    case Kind::flags:
      return (record.flags.bits & flags.bits) != 0;
    case Kind::duration:
      return compare(static_cast<std::uint64_t>(std::max<std::int64_t>(record.duration.count(), 0)),
                     comparison, value);
    case Kind::status_code:
      return compare(0, comparison, value);
    case Kind::all_of:
      return std::all_of(children.begin(), children.end(), holds);
    case Kind::any_of:
      return std::any_of(children.begin(), children.end(), holds);
  }
  return true;
}

}  // namespace weir::access_log
