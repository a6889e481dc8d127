// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/matchers_from_proto.hpp"

#include "envoy/config/route/v3/route_components.pb.h"
#include "proxy/config/proto_values.hpp"
#include "proxy/route/regex.hpp"

namespace weir::config {
namespace {

namespace matcher = envoy::type::matcher::v3;
using envoy::type::v3::FractionalPercent;
using route::StringMatcher;
using Header = envoy::config::route::v3::HeaderMatcher;
using Query = envoy::config::route::v3::QueryParameterMatcher;

StringMatcher text_matcher(StringMatcher::Kind kind, const std::string& text, bool ignore_case) {
  return {kind, ignore_case ? lower_case(text) : text, ignore_case, nullptr};
}

/// An empty text would match everything, which is never what was meant.
StringMatcher part_matcher(StringMatcher::Kind kind, const std::string& text, bool ignore_case,
                           const ParseContext& context) {
  if (text.empty()) context.error("is empty: every text would match");
  return text_matcher(kind, text, ignore_case);
}

StringMatcher regex_matcher(const matcher::RegexMatcher& proto, const ParseContext& context) {
  return {StringMatcher::Kind::regex, "", false, regex_from_proto(proto, context)};
}

/// The matcher of a value, when `proto` has one.
StringMatcher value_matcher(const Header& proto, const ParseContext& context) {
  using Kind = StringMatcher::Kind;
  switch (proto.header_match_specifier_case()) {
    case Header::kExactMatch:
      return text_matcher(Kind::exact, proto.exact_match(), false);
    case Header::kPrefixMatch:
      return part_matcher(Kind::prefix, proto.prefix_match(), false, context.field("prefix_match"));
    case Header::kSuffixMatch:
      return part_matcher(Kind::suffix, proto.suffix_match(), false, context.field("suffix_match"));
    case Header::kContainsMatch:
      return part_matcher(Kind::contains, proto.contains_match(), false,
                          context.field("contains_match"));
    case Header::kSafeRegexMatch:
      return regex_matcher(proto.safe_regex_match(), context.field("safe_regex_match"));
    case Header::kStringMatch:
      return string_matcher_from_proto(proto.string_match(), context.field("string_match"));
    default:
      return {};
  }
}

}  // namespace

std::shared_ptr<const re2::RE2> regex_from_proto(const matcher::RegexMatcher& proto,
                                                 const ParseContext& context) {
  if (proto.regex().empty()) {
    context.error("has no regex");
    return nullptr;
  }
  const auto& limit = proto.google_re2();
  const auto regex = route::compile_regex(proto.regex(), limit.has_max_program_size()
                                                             ? limit.max_program_size().value()
                                                             : route::kMostProgramSize);
  if (regex) return *regex;
  context.field("regex").error(regex.error().message);
  return nullptr;
}

route::RegexRewrite regex_rewrite_from_proto(const matcher::RegexMatchAndSubstitute& proto,
                                             const ParseContext& context) {
  route::RegexRewrite rewrite{nullptr, proto.substitution()};
  if (!proto.has_pattern()) {
    context.error("has no pattern");
    return rewrite;
  }
  rewrite.pattern = regex_from_proto(proto.pattern(), context.field("pattern"));
  if (rewrite.pattern == nullptr) return rewrite;
  if (const auto ok = route::check_substitution(*rewrite.pattern, rewrite.substitution); !ok)
    context.field("substitution").warning(ok.error().message + "; nothing will be rewritten");
  return rewrite;
}

StringMatcher string_matcher_from_proto(const matcher::StringMatcher& proto,
                                        const ParseContext& context) {
  using Kind = StringMatcher::Kind;
  const bool ignore_case = proto.ignore_case();
  switch (proto.match_pattern_case()) {
    case matcher::StringMatcher::kExact:
      return text_matcher(Kind::exact, proto.exact(), ignore_case);
    case matcher::StringMatcher::kPrefix:
      return part_matcher(Kind::prefix, proto.prefix(), ignore_case, context.field("prefix"));
    case matcher::StringMatcher::kSuffix:
      return part_matcher(Kind::suffix, proto.suffix(), ignore_case, context.field("suffix"));
    case matcher::StringMatcher::kContains:
      return part_matcher(Kind::contains, proto.contains(), ignore_case, context.field("contains"));
    case matcher::StringMatcher::kSafeRegex:
      if (ignore_case)
        context.field("ignore_case").error("ignore_case has no effect for safe_regex.");
      return regex_matcher(proto.safe_regex(), context.field("safe_regex"));
    case matcher::StringMatcher::MATCH_PATTERN_NOT_SET:
      break;
  }
  context.error("names no pattern: expected exact, prefix, suffix, contains or safe_regex");
  return {};
}

route::HeaderMatcher header_matcher_from_proto(const Header& proto, const ParseContext& context) {
  using Kind = route::HeaderMatcher::Kind;
  route::HeaderMatcher out;
  out.name = lower_case(proto.name());
  if (out.name.empty()) context.error("header matcher has no name");
  if (out.name == "host") out.name = ":authority";
  out.invert = proto.invert_match();
  out.treat_missing_as_empty = proto.treat_missing_header_as_empty();
  switch (proto.header_match_specifier_case()) {
    case Header::HEADER_MATCH_SPECIFIER_NOT_SET:
      break;
    case Header::kPresentMatch:
      out.kind = proto.present_match() ? Kind::present : Kind::absent;
      break;
    case Header::kRangeMatch:
      out.kind = Kind::range;
      out.range_start = proto.range_match().start();
      out.range_end = proto.range_match().end();
      break;
    default:
      out.kind = Kind::string;
      out.string = value_matcher(proto, context);
  }
  return out;
}

std::vector<route::HeaderMatcher> header_matchers_from_proto(
    const google::protobuf::RepeatedPtrField<Header>& proto, const ParseContext& parent,
    std::string_view field) {
  std::vector<route::HeaderMatcher> out;
  for (int i = 0; i < proto.size(); ++i) {
    const ParseContext item = parent.item(field, i);
    out.push_back(header_matcher_from_proto(proto[i], item));
  }
  return out;
}

route::QueryParameterMatcher query_parameter_matcher_from_proto(const Query& proto,
                                                                const ParseContext& context) {
  route::QueryParameterMatcher out;
  out.name = proto.name();
  if (out.name.empty()) context.error("query parameter matcher has no name");
  if (proto.has_present_match() && !proto.present_match())
    out.kind = route::QueryParameterMatcher::Kind::absent;
  if (proto.has_string_match()) {
    out.kind = route::QueryParameterMatcher::Kind::string;
    out.string = string_matcher_from_proto(proto.string_match(), context.field("string_match"));
  }
  return out;
}

route::Fraction fraction_from_proto(const FractionalPercent& proto) {
  switch (proto.denominator()) {
    case FractionalPercent::TEN_THOUSAND:
      return {proto.numerator(), 10'000};
    case FractionalPercent::MILLION:
      return {proto.numerator(), 1'000'000};
    default:
      return {proto.numerator(), 100};
  }
}

}  // namespace weir::config
