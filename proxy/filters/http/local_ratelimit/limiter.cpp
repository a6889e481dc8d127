// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/local_ratelimit/limiter.hpp"

#include <algorithm>
#include <optional>

#include "common/ip.hpp"

namespace weir::filters {
namespace {

using Kind = RateLimitAction::Kind;
using Entry = RateLimitEntries::value_type;

/// What an action makes of a request.
struct Made {
  std::optional<Entry> entry;
  bool abandon = false;  // the request has no such descriptor
};

Made make_entry(const RateLimitAction& action, HttpStream& stream,
                std::string_view service_cluster) {
  const auto entry = [&](std::string value) { return Made{Entry{action.key, std::move(value)}}; };
  switch (action.kind) {
    case Kind::source_cluster:
      return entry(std::string(service_cluster));
    case Kind::request_header: {
      const http::HeaderMap& headers = stream.request_headers();
      if (headers.find(action.header) == nullptr) return {std::nullopt, !action.skip_if_absent};
      return entry(std::string(headers.joined(action.header)));
    }
    case Kind::remote_address:
      return entry(stream.connection().remote.endpoint.address.unmapped().to_string());
    case Kind::masked_remote_address: {
      const IpAddress address = stream.connection().remote.endpoint.address.unmapped();
      return entry(
          CidrRange(address, address.is_v4() ? action.v4_length : action.v6_length).to_string());
    }
    case Kind::generic_key:
      return entry(action.value);
    case Kind::header_match:
      if (route::all_match(action.headers, stream.request_headers()) != action.expect_match)
        return {std::nullopt, true};
      return entry(action.value);
  }
  return {};
}

}  // namespace

std::vector<RateLimitEntries> describe_request(const std::vector<RateLimitActions>& rate_limits,
                                               HttpStream& stream,
                                               std::string_view service_cluster) {
  std::vector<RateLimitEntries> descriptors;
  for (const RateLimitActions& actions : rate_limits) {
    RateLimitEntries entries;
    const bool whole = std::all_of(actions.begin(), actions.end(), [&](const auto& action) {
      Made made = make_entry(action, stream, service_cluster);
      if (made.entry) entries.push_back(std::move(*made.entry));
      return !made.abandon;
    });
    if (whole && !entries.empty()) descriptors.push_back(std::move(entries));
  }
  return descriptors;
}

Limiter::Limiter(const RateLimitSettings& settings)
    : always_consume_default_(settings.always_consume_default) {
  if (settings.bucket)
    default_.emplace(settings.bucket->max_tokens, settings.bucket->tokens_per_fill,
                     settings.bucket->fill_interval);
  for (const RateLimitDescriptor& descriptor : settings.descriptors)
    in_order_.push_back(&described_.emplace_back(descriptor));
  std::stable_sort(in_order_.begin(), in_order_.end(),
                   [](const auto* a, const auto* b) { return a->per_second < b->per_second; });
}

Limiter::Decision Limiter::take(std::span<const RateLimitEntries> descriptors,
                                TokenBucket::Clock::time_point now) {
  const TokenBucket* first = nullptr;
  for (Described* described : in_order_) {
    if (std::find(descriptors.begin(), descriptors.end(), described->entries) == descriptors.end())
      continue;
    if (!described->bucket.take(now)) return {false, &described->bucket};
    if (first == nullptr) first = &described->bucket;
  }
  if (default_ && (first == nullptr || always_consume_default_) && !default_->take(now))
    return {false, &*default_};
  if (first == nullptr && default_) first = &*default_;
  return {true, first};
}

}  // namespace weir::filters
