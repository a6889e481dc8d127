// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/header_id.hpp"

#include <array>

namespace weir::http {
namespace {

constexpr std::array<std::string_view, kHeaderIds> kNames = {
    "",
    ":method",
    ":scheme",
    ":authority",
    ":path",
    ":protocol",
    ":status",
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "trailer",
    "date",
    "server",
    "via",
    "user-agent",
    "accept",
    "accept-encoding",
    "cookie",
    "referer",
    "location",
    "origin",
    "access-control-request-method",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-client-cert",
    "x-request-id",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-immediate-health-check-fail",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-dst-host",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-original-url",
    "x-envoy-overloaded",
    "x-envoy-ratelimited",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-healthchecked-cluster",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-service-time",
    "grpc-status",
    "grpc-message",
    "grpc-timeout",
};

// Length and three characters tell all the names apart well enough that probing stays short.
constexpr std::size_t kSlots = 256;
constexpr std::size_t slot_of(std::string_view name) {
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(name[i]); };
  const std::size_t size = name.size();
  return (size * 37 + at(0) * 3 + at(size / 2) * 11 + at(size - 1) * 23 + at(size * 3 / 4) * 41) %
         kSlots;
}

constexpr auto kTable = [] {
  std::array<std::uint8_t, kSlots> table{};
  for (std::size_t id = 1; id < kHeaderIds; ++id) {
    std::size_t slot = slot_of(kNames[id]);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<std::uint8_t>(id);
  }
  return table;
}();

}  // namespace

std::string_view header_name(HeaderId id) noexcept { return kNames[static_cast<std::size_t>(id)]; }

HeaderId header_id(std::string_view name) noexcept {
  if (name.empty()) return HeaderId::none;
  for (std::size_t slot = slot_of(name) % kSlots; kTable[slot] != 0; slot = (slot + 1) % kSlots)
    if (kNames[kTable[slot]] == name) return static_cast<HeaderId>(kTable[slot]);
  return HeaderId::none;
}

}  // namespace weir::http
