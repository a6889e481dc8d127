// SPDX-License-Identifier: Apache-2.0
// Header additions and removals of routes and filters into narrow types.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/repeated_ptr_field.h>

#include "proxy/config/parse_context.hpp"
#include "proxy/route/header_mutation.hpp"

namespace envoy::config::core::v3 {
class HeaderValueOption;
}

namespace weir::config {

using HeaderValueOptions =
    google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>;
using HeaderNames = google::protobuf::RepeatedPtrField<std::string>;

/// One addition, of any header: whoever must not change pseudo-headers says so.
route::HeaderAddition header_addition_from_proto(
    const envoy::config::core::v3::HeaderValueOption& proto, const ParseContext& context);

/// Fields `FIELDS_to_add` and `FIELDS_to_remove` of `parent`. Pseudo-headers and "host" are refused
/// with Envoy's texts.
route::HeaderMutations header_mutations_from_proto(const HeaderValueOptions& add,
                                                   const HeaderNames& remove,
                                                   const ParseContext& parent,
                                                   std::string_view fields);

/// Additions to and removals from requests and responses of a route, virtual host, route
/// configuration or weighted cluster.
template <class Proto>
route::HeaderMutations request_mutations_from_proto(const Proto& proto,
                                                    const ParseContext& context) {
  return header_mutations_from_proto(proto.request_headers_to_add(),
                                     proto.request_headers_to_remove(), context, "request_headers");
}
template <class Proto>
route::HeaderMutations response_mutations_from_proto(const Proto& proto,
                                                     const ParseContext& context) {
  return header_mutations_from_proto(proto.response_headers_to_add(),
                                     proto.response_headers_to_remove(), context,
                                     "response_headers");
}

}  // namespace weir::config
