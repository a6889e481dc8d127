// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>

#include "proxy/route/route_config.hpp"

namespace weir::route {
namespace {

struct Word {
  std::string_view text;
  RetryOn condition;
};

constexpr Word kWords[] = {
    {"5xx", RetryOn::five_xx},
    {"gateway-error", RetryOn::gateway_error},
    {"reset", RetryOn::reset},
    {"reset-before-request", RetryOn::reset_before_request},
    {"connect-failure", RetryOn::connect_failure},
    {"refused-stream", RetryOn::refused_stream},
    {"retriable-4xx", RetryOn::retriable_4xx},
    {"retriable-status-codes", RetryOn::retriable_status_codes},
    {"retriable-headers", RetryOn::retriable_headers},
    {"envoy-ratelimited", RetryOn::envoy_ratelimited},
};

constexpr Word kGrpcWords[] = {
    {"cancelled", RetryOn::grpc_cancelled},
    {"deadline-exceeded", RetryOn::grpc_deadline_exceeded},
    {"internal", RetryOn::grpc_internal},
    {"resource-exhausted", RetryOn::grpc_resource_exhausted},
    {"unavailable", RetryOn::grpc_unavailable},
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::uint32_t parse(std::string_view words, std::span<const Word> known) {
  std::uint32_t conditions = 0;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(','), words.size());
    const std::string_view word = trimmed(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
    for (const Word& candidate : known)
      if (candidate.text == word) conditions |= static_cast<std::uint32_t>(candidate.condition);
  }
  return conditions;
}

}  // namespace

std::uint32_t parse_retry_on(std::string_view words) { return parse(words, kWords); }

std::uint32_t parse_retry_grpc_on(std::string_view words) { return parse(words, kGrpcWords); }

}  // namespace weir::route
