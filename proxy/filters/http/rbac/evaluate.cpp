// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/rbac/evaluate.hpp"

#include <algorithm>
#include <string_view>

#include "proxy/route/path.hpp"

namespace weir::filters {
namespace {

using Kind = RbacRule::Kind;

bool contains(const CidrRange& range, const Endpoint& endpoint) {
  return range.contains(endpoint.address.unmapped());
}

bool matches_metadata(const RbacMetadata& matcher, HttpStream& stream) {
  const std::string* const value = stream.metadata(matcher.space, matcher.key);
  bool matched = false;
  if (value != nullptr) {
    switch (matcher.kind) {
      case RbacMetadata::Kind::string:
        matched = matcher.string.matches(*value);
        break;
      case RbacMetadata::Kind::boolean:
        matched = *value == (matcher.expected ? "true" : "false");
        break;
      case RbacMetadata::Kind::present:
        matched = matcher.expected;
        break;
    }
  }
  return matched != matcher.invert;
}

bool matches_any(const std::vector<RbacRule>& rules, HttpStream& stream) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const RbacRule& rule) { return matches(rule, stream); });
}

}  // namespace

bool matches(const RbacRule& rule, HttpStream& stream) {
  switch (rule.kind) {
    case Kind::any:
      return true;
    case Kind::all_of:
      return std::all_of(rule.children.begin(), rule.children.end(),
                         [&](const RbacRule& child) { return matches(child, stream); });
    case Kind::any_of:
      return matches_any(rule.children, stream);
    case Kind::none_of:
      return !matches_any(rule.children, stream);
    case Kind::header:
      return rule.header.matches(stream.request_headers());
    case Kind::url_path:
      return stream.request_headers().has(http::HeaderId::path) &&
             rule.text.matches(
                 route::path_only(stream.request_headers().get(http::HeaderId::path)));
    case Kind::destination_ip:
      return contains(rule.range, stream.connection().destination.endpoint);
    case Kind::destination_port: {
      const std::uint32_t port = stream.connection().destination.endpoint.port;
      return port >= rule.port_start && port < rule.port_end;
    }
    case Kind::server_name:
      return rule.text.matches(stream.connection().server_name);
    case Kind::metadata:
      return matches_metadata(rule.metadata, stream);
    case Kind::direct_remote_ip:
      return contains(rule.range, stream.connection().peer.endpoint);
    case Kind::remote_ip:
      return contains(rule.range, stream.connection().remote.endpoint);
    case Kind::authenticated:
      return false;  // nobody shows us a certificate
  }
  return false;
}

RbacVerdict evaluate(const RbacRules& rules, HttpStream& stream) {
  RbacVerdict verdict;
  for (const RbacPolicy& policy : rules.policies) {
    if (!matches_any(policy.permissions, stream) || !matches_any(policy.principals, stream))
      continue;
    verdict.policy = &policy;
    break;
  }
  const bool matched = verdict.policy != nullptr;
  switch (rules.action) {
    case RbacRules::Action::allow:
      verdict.allowed = matched;
      break;
    case RbacRules::Action::deny:
      verdict.allowed = !matched;
      break;
    case RbacRules::Action::log:
      break;
  }
  return verdict;
}

}  // namespace weir::filters
