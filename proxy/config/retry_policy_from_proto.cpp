// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/retry_policy_from_proto.hpp"

#include <algorithm>
#include <limits>

#include <google/protobuf/any.pb.h>

#include "envoy/config/route/v3/route_components.pb.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h"
#include "proxy/config/filter_registry.hpp"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
using Policy = envoy::config::route::v3::RetryPolicy;

constexpr std::string_view kPreviousHosts = "envoy.retry_host_predicates.previous_hosts";

std::uint32_t conditions_of(std::string_view words) {
  return route::parse_retry_on(words) | route::parse_retry_grpc_on(words);
}

/// Words that are no condition, in the order given.
std::string unknown_words(std::string_view words) {
  std::string unknown;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(','), words.size());
    std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    word = word.substr(0, word.find_last_not_of(' ') + 1);
    if (word.empty() || word == "http3-post-connect-failure" || conditions_of(word) != 0) continue;
    unknown += (unknown.empty() ? "" : ", ") + std::string(word);
  }
  return unknown;
}

std::uint32_t read_conditions(const std::string& words, const ParseContext& context) {
  if (const std::string unknown = unknown_words(words); !unknown.empty())
    context.warning("Unknown retry_on policy token(s) [" + unknown + "] in retry_on config '" +
                    words + "'. These tokens will be silently ignored.");
  return conditions_of(words);
}

void read_backoff(const Policy::RetryBackOff& proto, const ParseContext& context,
                  route::RetryPolicy& policy) {
  if (!proto.has_base_interval()) context.error("has no base_interval");
  read_period(proto.has_base_interval(), proto.base_interval(), context.field("base_interval"),
              policy.backoff_base);
  policy.backoff_most = policy.backoff_base * 10;
  read_period(proto.has_max_interval(), proto.max_interval(), context.field("max_interval"),
              policy.backoff_most);
  if (policy.backoff_most < policy.backoff_base)
    context.error("retry_policy.max_interval must greater than or equal to the base_interval");
}

void read_status_codes(const Policy& proto, const ParseContext& context,
                       route::RetryPolicy& policy) {
  for (int i = 0; i < proto.retriable_status_codes_size(); ++i) {
    const std::uint32_t code = proto.retriable_status_codes(i);
    if (code >= 100 && code <= 599) {
      policy.status_codes.push_back(static_cast<std::uint16_t>(code));
      continue;
    }
    const ParseContext item = context.item("retriable_status_codes", i);
    item.warning("'" + std::to_string(code) + "': no response has such a status code");
  }
}

bool is_previous_hosts(const Policy::RetryHostPredicate& proto, const ParseContext& context) {
  const std::string& url = proto.typed_config().type_url();
  if (url.empty() && proto.name() == kPreviousHosts) {
    context.warning("has no typed_config: found by its name");
    return true;
  }
  if (!url.empty() && type_name(url) == PreviousHostsPredicate::descriptor()->full_name())
    return true;
  context.error(explain_missing_extension(proto.name(), url, {kPreviousHosts}));
  return false;
}

void read_host_selection(const Policy& proto, const ParseContext& context,
                         route::RetryPolicy& policy) {
  for (int i = 0; i < proto.retry_host_predicate_size(); ++i) {
    const ParseContext item = context.item("retry_host_predicate", i);
    if (is_previous_hosts(proto.retry_host_predicate(i), item)) policy.avoid_previous_hosts = true;
  }
  const std::int64_t attempts = proto.host_selection_retry_max_attempts();
  if (attempts < 0)
    context.field("host_selection_retry_max_attempts").error("must be greater than or equal to 0");
  if (attempts > 0)
    policy.host_selection_attempts = static_cast<std::uint32_t>(
        std::min<std::int64_t>(attempts, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

std::shared_ptr<const route::RetryPolicy> retry_policy_from_proto(const Policy& proto,
                                                                  const ParseContext& context) {
  auto policy = std::make_shared<route::RetryPolicy>();
  policy->conditions = read_conditions(proto.retry_on(), context.field("retry_on"));
  if (proto.has_num_retries()) policy->retries = proto.num_retries().value();
  policy->per_try_timeout = duration_or(proto.has_per_try_timeout(), proto.per_try_timeout(), {},
                                        context.field("per_try_timeout"));
  policy->per_try_idle_timeout =
      duration_or(proto.has_per_try_idle_timeout(), proto.per_try_idle_timeout(), {},
                  context.field("per_try_idle_timeout"));
  if (proto.has_retry_back_off())
    read_backoff(proto.retry_back_off(), context.field("retry_back_off"), *policy);
  if (proto.has_rate_limited_retry_back_off())
    context.field("rate_limited_retry_back_off").warning("has no effect");
  read_status_codes(proto, context, *policy);
  read_host_selection(proto, context, *policy);
  policy->response_headers =
      header_matchers_from_proto(proto.retriable_headers(), context, "retriable_headers");
  policy->request_headers = header_matchers_from_proto(proto.retriable_request_headers(), context,
                                                       "retriable_request_headers");
  return policy;
}

}  // namespace weir::config
