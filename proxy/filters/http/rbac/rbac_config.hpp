// SPDX-License-Identifier: Apache-2.0
// What the rbac filter enforces, after parsing: narrow types, no proto.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "proxy/config/filter_registry.hpp"
#include "proxy/route/matchers.hpp"

namespace envoy::extensions::filters::http::rbac::v3 {
class RBAC;
class RBACPerRoute;
}  // namespace envoy::extensions::filters::http::rbac::v3

namespace weir::filters {

/// matcher.v3.MetadataMatcher over dynamic metadata: one key of one filter's.
struct RbacMetadata {
  enum class Kind : std::uint8_t { string, boolean, present };
  std::string space;
  std::string key;
  Kind kind = Kind::string;
  route::StringMatcher string;
  bool expected = true;  // of boolean and present
  bool invert = false;
};

/// A Permission or a Principal: both are questions about one request.
struct RbacRule {
  enum class Kind : std::uint8_t {
    any,
    all_of,   // every child
    any_of,   // one child
    none_of,  // not the one child
    header,
    url_path,        // without query and fragment
    destination_ip,  // what the client dialled
    destination_port,
    server_name,  // SNI
    metadata,
    direct_remote_ip,  // the socket's peer
    remote_ip,         // the client, as x-forwarded-for says where that is trusted
    authenticated,     // by a certificate of the client's: never, without TLS
  };
  Kind kind = Kind::any;
  std::vector<RbacRule> children;
  route::HeaderMatcher header;
  route::StringMatcher text;  // url_path, server_name
  CidrRange range;
  std::uint32_t port_start = 0;  // [start, end)
  std::uint32_t port_end = 0;
  RbacMetadata metadata;
};

/// config.rbac.v3.Policy: one of the permissions and one of the principals.
struct RbacPolicy {
  std::string name;
  std::vector<RbacRule> permissions;
  std::vector<RbacRule> principals;
};

/// config.rbac.v3.RBAC.
struct RbacRules {
  enum class Action : std::uint8_t { allow, deny, log };
  Action action = Action::allow;
  std::vector<RbacPolicy> policies;  // by name; the first that matches counts
};

/// http.rbac.v3.RBAC.
struct RbacSettings {
  std::optional<RbacRules> rules;         // nullopt: everything passes
  std::optional<RbacRules> shadow_rules;  // evaluated, counted, not enforced
  std::string stat_prefix;                // rules_stat_prefix
  std::string shadow_stat_prefix;
  bool track_per_rule_stats = false;
};

/// RBACPerRoute: replaces the filter's settings. Without `rbac` everything passes.
struct RouteRbac final : config::RouteFilterConfig {
  RbacSettings settings;
};

/// Reports every problem through `context`, and everything that is not understood: a rule that is
/// left out would let in what it keeps out. The result is meaningful only when there was none.
RbacSettings rbac_from_proto(const envoy::extensions::filters::http::rbac::v3::RBAC& proto,
                             const config::ParseContext& context);
std::shared_ptr<const RouteRbac> route_rbac_from_proto(
    const envoy::extensions::filters::http::rbac::v3::RBACPerRoute& proto,
    const config::ParseContext& context);

}  // namespace weir::filters
