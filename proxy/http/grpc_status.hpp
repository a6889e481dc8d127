// SPDX-License-Identifier: Apache-2.0
// gRPC over HTTP: its content type, its status codes and their names.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::http {

/// "application/grpc", alone or with a suffix such as "+proto"; not grpc-web.
bool is_grpc_content_type(std::string_view content_type);

inline constexpr int kGrpcUnknown = 2;
/// A grpc-status that is no number.
inline constexpr int kGrpcInvalid = -1;

/// The status that a grpc-status header or trailer says.
int parse_grpc_status(std::string_view text);

/// What gRPC makes of an HTTP status without grpc-status.
int grpc_status_of_http(unsigned status);

// "NotFound", "NOT_FOUND"; "" for codes past 16.
std::string_view grpc_status_camel(int status);
std::string_view grpc_status_snake(int status);

}  // namespace weir::http
