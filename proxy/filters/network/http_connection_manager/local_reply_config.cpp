// SPDX-License-Identifier: Apache-2.0
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "proxy/config/access_log_filter_from_proto.hpp"
#include "proxy/config/access_log_from_proto.hpp"
#include "proxy/config/data_source.hpp"
#include "proxy/config/header_mutations_from_proto.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_parts.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using envoy::config::core::v3::SubstitutionFormatString;
using envoy::extensions::filters::network::http_connection_manager::v3::ResponseMapper;

/// What Envoy names a body whose format does not say.
std::string content_type_of(const SubstitutionFormatString& proto) {
  if (!proto.content_type().empty()) return proto.content_type();
  return proto.has_json_format() ? "application/json" : "";
}

LocalReplyMapper mapper_from_proto(const ResponseMapper& proto, const ParseContext& context) {
  LocalReplyMapper mapper;
  if (proto.has_filter())
    mapper.filter = std::make_shared<const access_log::RecordFilter>(
        config::record_filter_from_proto(proto.filter(), context.field("filter")));
  else
    context.error("has no filter");
  if (proto.has_status_code()) {
    const std::uint32_t status = proto.status_code().value();
    if (status < 200 || status > 599)
      context.field("status_code")
          .error("status '" + std::to_string(status) + "': must be 200 to 599");
    mapper.status = static_cast<std::uint16_t>(status);
  }
  if (proto.has_body()) mapper.body = config::read_data_source(proto.body(), context.field("body"));
  if (proto.has_body_format_override()) {
    mapper.format = config::body_format_from_proto(proto.body_format_override(),
                                                   context.field("body_format_override"));
    mapper.content_type = content_type_of(proto.body_format_override());
  }
  mapper.headers =
      config::header_mutations_from_proto(proto.headers_to_add(), {}, context, "headers");
  return mapper;
}

}  // namespace

LocalReplyConfig local_reply_from_proto(
    const envoy::extensions::filters::network::http_connection_manager::v3::LocalReplyConfig& proto,
    const ParseContext& context) {
  LocalReplyConfig out;
  for (int i = 0; i < proto.mappers_size(); ++i) {
    const ParseContext item = context.item("mappers", i);
    out.mappers.push_back(mapper_from_proto(proto.mappers(i), item));
  }
  if (proto.has_body_format()) {
    out.format = config::body_format_from_proto(proto.body_format(), context.field("body_format"));
    out.content_type = content_type_of(proto.body_format());
  }
  return out;
}

}  // namespace weir::filters
