// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/access_log_filter_from_proto.hpp"

#include "envoy/config/accesslog/v3/accesslog.pb.h"

namespace weir::config {
namespace {

using access_log::RecordFilter;
using envoy::config::accesslog::v3::AccessLogFilter;
using envoy::config::accesslog::v3::ComparisonFilter;
using envoy::config::accesslog::v3::ResponseFlagFilter;

RecordFilter::Comparison comparison_from_proto(ComparisonFilter::Op op) {
  switch (op) {
    case ComparisonFilter::GE:
      return RecordFilter::Comparison::at_least;
    case ComparisonFilter::LE:
      return RecordFilter::Comparison::at_most;
    case ComparisonFilter::NE:
      return RecordFilter::Comparison::not_equal;
    default:
      return RecordFilter::Comparison::equal;
  }
}

template <class Comparing>
RecordFilter comparing(RecordFilter::Kind kind, const Comparing& proto,
                       const ParseContext& context) {
  RecordFilter filter{kind};
  if (!proto.has_comparison()) context.error("has no comparison");
  if (proto.has_comparison() && !proto.comparison().has_value())
    context.field("comparison").error("has no value");
  filter.comparison = comparison_from_proto(proto.comparison().op());
  filter.value = proto.comparison().value().default_value();
  return filter;
}

RecordFilter flags_from_proto(const ResponseFlagFilter& proto, const ParseContext& context) {
  RecordFilter filter{RecordFilter::Kind::flags};
  if (proto.flags().empty()) filter.kind = RecordFilter::Kind::any_flag;
  for (int i = 0; i < proto.flags_size(); ++i) {
    const ParseContext item = context.item("flags", i);
    const auto flag = access_log::response_flag_of(proto.flags(i));
    if (flag)
      filter.flags.bits |= flag->bits;
    else
      item.error("response flag '" + proto.flags(i) + "': not one of Envoy's");
  }
  return filter;
}

template <class List>
RecordFilter combined(RecordFilter::Kind kind, const List& filters, const ParseContext& context) {
  RecordFilter filter{kind};
  if (filters.size() < 2) context.error("must contain at least 2 filters");
  for (int i = 0; i < filters.size(); ++i) {
    const ParseContext item = context.item("filters", i);
    filter.children.push_back(record_filter_from_proto(filters[i], item));
  }
  return filter;
}

}  // namespace

RecordFilter record_filter_from_proto(const AccessLogFilter& proto, const ParseContext& context) {
  switch (proto.filter_specifier_case()) {
    case AccessLogFilter::kStatusCodeFilter:
      return comparing(RecordFilter::Kind::status_code, proto.status_code_filter(),
                       context.field("status_code_filter"));
    case AccessLogFilter::kDurationFilter:
      return comparing(RecordFilter::Kind::duration, proto.duration_filter(),
                       context.field("duration_filter"));
    case AccessLogFilter::kNotHealthCheckFilter:
      return RecordFilter{};
    case AccessLogFilter::kAndFilter:
      return combined(RecordFilter::Kind::all_of, proto.and_filter().filters(),
                      context.field("and_filter"));
    case AccessLogFilter::kOrFilter:
      return combined(RecordFilter::Kind::any_of, proto.or_filter().filters(),
                      context.field("or_filter"));
    case AccessLogFilter::kResponseFlagFilter:
      return flags_from_proto(proto.response_flag_filter(), context.field("response_flag_filter"));
    case AccessLogFilter::kRuntimeFilter:
    case AccessLogFilter::kHeaderFilter:
    case AccessLogFilter::kGrpcStatusFilter:
      context.error("filters of requests are not supported yet");
      return {};
    case AccessLogFilter::FILTER_SPECIFIER_NOT_SET:
      break;
  }
  context.error(
      "names no filter: expected response_flag_filter, duration_filter, status_code_filter, "
      "not_health_check_filter, and_filter or or_filter");
  return {};
}

}  // namespace weir::config
