// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/access_log_filter_from_proto.hpp"

#include <utility>

#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "proxy/config/matchers_from_proto.hpp"

namespace weir::config {
namespace {

using access_log::RecordFilter;
using envoy::config::accesslog::v3::AccessLogFilter;
using envoy::config::accesslog::v3::ComparisonFilter;
using envoy::config::accesslog::v3::GrpcStatusFilter;
using envoy::config::accesslog::v3::HeaderFilter;
using envoy::config::accesslog::v3::ResponseFlagFilter;
using envoy::config::accesslog::v3::RuntimeFilter;

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

/// A connection has no headers: the matcher is asked about none.
class HeaderMatches final : public access_log::HeaderPredicate {
 public:
  explicit HeaderMatches(route::HeaderMatcher matcher) : matcher_(std::move(matcher)) {}

  [[nodiscard]] bool holds(const http::HeaderMap* headers) const override {
    if (headers != nullptr) return matcher_.matches(*headers);
    http::ArenaPool pool;
    http::Arena arena(pool);
    return matcher_.matches(http::HeaderMap(arena));
  }

 private:
  route::HeaderMatcher matcher_;
};

RecordFilter header_filter(const HeaderFilter& proto, const ParseContext& context) {
  RecordFilter filter{RecordFilter::Kind::headers};
  if (!proto.has_header()) {
    context.error("has no header");
    return filter;
  }
  filter.predicate = std::make_shared<HeaderMatches>(
      header_matcher_from_proto(proto.header(), context.field("header")));
  return filter;
}

RecordFilter grpc_filter(const GrpcStatusFilter& proto) {
  RecordFilter filter{RecordFilter::Kind::grpc_status};
  filter.exclude = proto.exclude();
  for (const int status : proto.statuses()) filter.grpc_statuses |= 1u << status;
  return filter;
}

/// The fraction stands: there is no runtime that could change it.
RecordFilter fraction_filter(const RuntimeFilter& proto, const ParseContext& context) {
  RecordFilter filter{RecordFilter::Kind::fraction};
  if (!proto.has_percent_sampled()) context.error("has no percent_sampled");
  const route::Fraction fraction = fraction_from_proto(proto.percent_sampled());
  filter.value = fraction.numerator;
  filter.denominator = fraction.denominator;
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
      return RecordFilter{RecordFilter::Kind::not_health_check};
    case AccessLogFilter::kAndFilter:
      return combined(RecordFilter::Kind::all_of, proto.and_filter().filters(),
                      context.field("and_filter"));
    case AccessLogFilter::kOrFilter:
      return combined(RecordFilter::Kind::any_of, proto.or_filter().filters(),
                      context.field("or_filter"));
    case AccessLogFilter::kResponseFlagFilter:
      return flags_from_proto(proto.response_flag_filter(), context.field("response_flag_filter"));
    case AccessLogFilter::kRuntimeFilter:
      return fraction_filter(proto.runtime_filter(), context.field("runtime_filter"));
    case AccessLogFilter::kHeaderFilter:
      return header_filter(proto.header_filter(), context.field("header_filter"));
    case AccessLogFilter::kGrpcStatusFilter:
      return grpc_filter(proto.grpc_status_filter());
    case AccessLogFilter::FILTER_SPECIFIER_NOT_SET:
      break;
  }
  context.error(
      "names no filter: expected response_flag_filter, duration_filter, status_code_filter, "
      "header_filter, grpc_status_filter, runtime_filter, not_health_check_filter, and_filter or "
      "or_filter");
  return {};
}

}  // namespace weir::config
