// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/record_filter.hpp"

#include <algorithm>
#include <optional>

#include "proxy/access_log/http_values.hpp"
#include "proxy/http/grpc_status.hpp"
#include "proxy/http/header_map.hpp"

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

bool has_grpc_status(const Record& record, std::uint32_t statuses) {
  std::optional<int> status;
  if (record.http != nullptr) status = grpc_status_of(*record.http);
  const int value = status.value_or(http::kGrpcUnknown);
  return value >= 0 && value < 32 && ((statuses >> value) & 1) != 0;
}

/// A number that is the same for all logs of a request, and spread evenly over requests.
std::uint64_t number_of(const Record& record) {
  std::uint64_t number = record.connection_id;
  const auto* headers = record.http != nullptr ? record.http->request_headers : nullptr;
  if (headers != nullptr)
    for (const char c : headers->get(http::HeaderId::x_request_id))
      number = (number ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  number ^= static_cast<std::uint64_t>(record.start.time_since_epoch().count());
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return number ^ (number >> 31);
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
      return compare(record.http != nullptr ? record.http->response_code : 0, comparison, value);
    case Kind::not_health_check:
      return record.http == nullptr || !record.http->health_check;
    case Kind::grpc_status:
      return has_grpc_status(record, grpc_statuses) != exclude;
    case Kind::headers:
      return predicate->holds(record.http != nullptr ? record.http->request_headers : nullptr);
    case Kind::fraction:
      return number_of(record) % denominator < value;
    case Kind::all_of:
      return std::all_of(children.begin(), children.end(), holds);
    case Kind::any_of:
      return std::any_of(children.begin(), children.end(), holds);
  }
  return true;
}

}  // namespace weir::access_log
