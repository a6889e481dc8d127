// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/route_match_from_proto.hpp"

#include "envoy/config/route/v3/route_components.pb.h"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using Path = route::RouteMatch::Path;
using Proto = envoy::config::route::v3::RouteMatch;

void read_text(Path kind, const std::string& text, const ParseContext& context,
               route::RouteMatch& match) {
  match.kind = kind;
  match.path = match.case_sensitive ? text : lower_case(text);
  if (text.find_first_of("?#") != std::string::npos)
    context.warning("'" + text + "': never matches: a path is compared without its query");
}

void read_separated_prefix(const std::string& text, const ParseContext& context,
                           route::RouteMatch& match) {
  if (text.size() < 2 || text.ends_with('/') || text.find_first_of("?#") != std::string::npos)
    context.error(
        "'" + text +
        "': must have at least two characters, neither '?' nor '#', and no '/' at its end");
  match.kind = Path::separated_prefix;
  match.path = match.case_sensitive ? text : lower_case(text);
}

void read_path(const Proto& proto, const ParseContext& context, route::RouteMatch& match) {
  switch (proto.path_specifier_case()) {
    case Proto::kPrefix:
      return read_text(Path::prefix, proto.prefix(), context.field("prefix"), match);
    case Proto::kPath:
      return read_text(Path::exact, proto.path(), context.field("path"), match);
    case Proto::kPathSeparatedPrefix:
      return read_separated_prefix(proto.path_separated_prefix(),
                                   context.field("path_separated_prefix"), match);
    case Proto::kSafeRegex:
      match.kind = Path::regex;
      match.regex = regex_from_proto(proto.safe_regex(), context.field("safe_regex"));
      return;
    case Proto::kConnectMatcher:
      match.kind = Path::connect;
      return;
    case Proto::PATH_SPECIFIER_NOT_SET:
      break;
  }
  context.error(
      "matches no path: expected prefix, path, safe_regex, path_separated_prefix or "
      "connect_matcher");
}

}  // namespace

route::RouteMatch route_match_from_proto(const Proto& proto, const ParseContext& context) {
  route::RouteMatch match;
  match.case_sensitive = !proto.has_case_sensitive() || proto.case_sensitive().value();
  read_path(proto, context, match);
  match.headers = header_matchers_from_proto(proto.headers(), context, "headers");
  for (int i = 0; i < proto.query_parameters_size(); ++i) {
    const ParseContext item = context.item("query_parameters", i);
    match.query.push_back(query_parameter_matcher_from_proto(proto.query_parameters(i), item));
  }
  match.grpc = proto.has_grpc();
  if (proto.has_runtime_fraction()) {
    if (!proto.runtime_fraction().has_default_value())
      context.field("runtime_fraction").error("has no default_value");
    match.fraction = fraction_from_proto(proto.runtime_fraction().default_value());
  }
  return match;
}

}  // namespace weir::config
