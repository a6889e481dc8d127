// SPDX-License-Identifier: Apache-2.0
// Matchers of texts, headers, query parameters and chance into narrow types, for routes and
// filters.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "proxy/config/parse_context.hpp"
#include "proxy/route/matchers.hpp"
#include "proxy/route/route_config.hpp"

namespace envoy::config::route::v3 {
class HeaderMatcher;
class QueryParameterMatcher;
}  // namespace envoy::config::route::v3
namespace envoy::type::matcher::v3 {
class RegexMatchAndSubstitute;
class RegexMatcher;
class StringMatcher;
}  // namespace envoy::type::matcher::v3
namespace envoy::type::v3 {
class FractionalPercent;
}

namespace weir::config {

/// nullptr after reporting what is wrong.
std::shared_ptr<const re2::RE2> regex_from_proto(
    const envoy::type::matcher::v3::RegexMatcher& proto, const ParseContext& context);

/// Its pattern is nullptr after an error.
route::RegexRewrite regex_rewrite_from_proto(
    const envoy::type::matcher::v3::RegexMatchAndSubstitute& proto, const ParseContext& context);

route::StringMatcher string_matcher_from_proto(const envoy::type::matcher::v3::StringMatcher& proto,
                                               const ParseContext& context);

/// "host" is read as ":authority", which is where a request has it.
route::HeaderMatcher header_matcher_from_proto(const envoy::config::route::v3::HeaderMatcher& proto,
                                               const ParseContext& context);
std::vector<route::HeaderMatcher> header_matchers_from_proto(
    const google::protobuf::RepeatedPtrField<envoy::config::route::v3::HeaderMatcher>& proto,
    const ParseContext& parent, std::string_view field);

route::QueryParameterMatcher query_parameter_matcher_from_proto(
    const envoy::config::route::v3::QueryParameterMatcher& proto, const ParseContext& context);

route::Fraction fraction_from_proto(const envoy::type::v3::FractionalPercent& proto);

}  // namespace weir::config
