// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/grpc_status.hpp"

#include <charconv>
#include <cstddef>
#include <iterator>

namespace weir::http {
namespace {

struct Names {
  std::string_view camel;
  std::string_view snake;
};

constexpr Names kNames[] = {
    {"OK", "OK"},
    {"Canceled", "CANCELLED"},
    {"Unknown", "UNKNOWN"},
    {"InvalidArgument", "INVALID_ARGUMENT"},
    {"DeadlineExceeded", "DEADLINE_EXCEEDED"},
    {"NotFound", "NOT_FOUND"},
    {"AlreadyExists", "ALREADY_EXISTS"},
    {"PermissionDenied", "PERMISSION_DENIED"},
    {"ResourceExhausted", "RESOURCE_EXHAUSTED"},
    {"FailedPrecondition", "FAILED_PRECONDITION"},
    {"Aborted", "ABORTED"},
    {"OutOfRange", "OUT_OF_RANGE"},
    {"Unimplemented", "UNIMPLEMENTED"},
    {"Internal", "INTERNAL"},
    {"Unavailable", "UNAVAILABLE"},
    {"DataLoss", "DATA_LOSS"},
    {"Unauthenticated", "UNAUTHENTICATED"},
};

Names names_of(int status) {
  if (status < 0 || status >= static_cast<int>(std::size(kNames))) return {};
  return kNames[static_cast<std::size_t>(status)];
}

}  // namespace

bool is_grpc_content_type(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!content_type.starts_with(kGrpc)) return false;
  return content_type.size() == kGrpc.size() || content_type[kGrpc.size()] == '+';
}

int parse_grpc_status(std::string_view text) {
  int status = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, status);
  return error == std::errc{} && stop == end && status >= 0 ? status : kGrpcInvalid;
}

int grpc_status_of_http(unsigned status) {
  switch (status) {
    case 400:
      return 13;  // Internal
    case 401:
      return 16;  // Unauthenticated
    case 403:
      return 7;  // PermissionDenied
    case 404:
      return 12;  // Unimplemented
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;  // Unavailable
    default:
      return kGrpcUnknown;
  }
}

std::string_view grpc_status_camel(int status) { return names_of(status).camel; }
std::string_view grpc_status_snake(int status) { return names_of(status).snake; }

}  // namespace weir::http
