// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/fault/fault_config.hpp"

#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
namespace common = envoy::extensions::filters::common::fault::v3;
using envoy::extensions::filters::http::fault::v3::HTTPFault;
using ProtoAbort = envoy::extensions::filters::http::fault::v3::FaultAbort;

FaultDelay delay_from_proto(const common::FaultDelay& proto, const ParseContext& context) {
  FaultDelay delay;
  delay.share = config::fraction_from_proto(proto.percentage());
  switch (proto.fault_delay_secifier_case()) {
    case common::FaultDelay::kFixedDelay: {
      const ParseContext field = context.field("fixed_delay");
      delay.fixed = config::duration_from_proto(proto.fixed_delay(), field);
      if (delay.fixed->count() == 0) field.error("must be greater than 0s");
      break;
    }
    case common::FaultDelay::kHeaderDelay:
      break;
    case common::FaultDelay::FAULT_DELAY_SECIFIER_NOT_SET:
      context.error("says no delay: expected fixed_delay or header_delay");
  }
  return delay;
}

FaultAbort abort_from_proto(const ProtoAbort& proto, const ParseContext& context) {
  FaultAbort abort;
  abort.share = config::fraction_from_proto(proto.percentage());
  if (!proto.response_body().empty()) abort.body = proto.response_body();
  switch (proto.error_type_case()) {
    case ProtoAbort::kHttpStatus:
      abort.kind = FaultAbort::Kind::http;
      abort.status = proto.http_status();
      if (abort.status < 200 || abort.status >= 600)
        context.field("http_status").error("must be from 200 to 599");
      break;
    case ProtoAbort::kGrpcStatus:
      abort.kind = FaultAbort::Kind::grpc;
      abort.status = proto.grpc_status();
      break;
    case ProtoAbort::kHeaderAbort:
      abort.kind = FaultAbort::Kind::header;
      break;
    case ProtoAbort::ERROR_TYPE_NOT_SET:
      context.error("says no status: expected http_status, grpc_status or header_abort");
  }
  return abort;
}

FaultRateLimit rate_limit_from_proto(const common::FaultRateLimit& proto,
                                     const ParseContext& context) {
  FaultRateLimit limit;
  limit.share = config::fraction_from_proto(proto.percentage());
  switch (proto.limit_type_case()) {
    case common::FaultRateLimit::kFixedLimit:
      limit.kbps = proto.fixed_limit().limit_kbps();
      if (*limit.kbps == 0)
        context.field("fixed_limit").error("limit_kbps: must be greater than or equal to 1");
      break;
    case common::FaultRateLimit::kHeaderLimit:
      break;
    case common::FaultRateLimit::LIMIT_TYPE_NOT_SET:
      context.error("says no limit: expected fixed_limit or header_limit");
  }
  return limit;
}

}  // namespace

FaultSettings fault_from_proto(const HTTPFault& proto, const ParseContext& context) {
  FaultSettings settings;
  if (proto.has_delay()) settings.delay = delay_from_proto(proto.delay(), context.field("delay"));
  if (proto.has_abort()) settings.abort = abort_from_proto(proto.abort(), context.field("abort"));
  if (proto.has_response_rate_limit())
    settings.response_rate_limit =
        rate_limit_from_proto(proto.response_rate_limit(), context.field("response_rate_limit"));
  settings.upstream_cluster = proto.upstream_cluster();
  settings.headers = config::header_matchers_from_proto(proto.headers(), context, "headers");
  settings.downstream_nodes.assign(proto.downstream_nodes().begin(),
                                   proto.downstream_nodes().end());
  if (proto.has_max_active_faults()) settings.max_active_faults = proto.max_active_faults().value();
  return settings;
}

}  // namespace weir::filters
