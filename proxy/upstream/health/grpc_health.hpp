// SPDX-License-Identifier: Apache-2.0
// The two messages of grpc.health.v1.Health, as they travel: length-prefixed protobuf, by hand.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::upstream {

/// HealthCheckRequest with its prefix; "" asks for the server as a whole.
std::string encode_health_request(std::string_view service);

/// HealthCheckResponse.ServingStatus of the first message: 0 UNKNOWN, 1 SERVING, 2 NOT_SERVING,
/// 3 SERVICE_UNKNOWN. nullopt: no whole message, compressed, or not protobuf.
std::optional<std::uint64_t> decode_health_response(std::string_view body);

}  // namespace weir::upstream
