// SPDX-License-Identifier: Apache-2.0
// What operators ask of a request: its headers, its gRPC status, what filters have noted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/access_log/record.hpp"
#include "proxy/http/header_id.hpp"

namespace weir::access_log {

/// The name of a header as a format has it, compiled. Default: of no header.
struct HeaderName {
  http::HeaderId id = http::HeaderId::none;
  std::string text;  // lower case; only of a name without id

  /// `host` of a request is :authority.
  static HeaderName parse(std::string_view name, bool of_request);
  [[nodiscard]] bool empty() const noexcept { return id == http::HeaderId::none && text.empty(); }
};

/// The first value, which may be ""; nullopt: there is none, or there are no headers.
std::optional<std::string_view> header_value(const http::HeaderMap* headers,
                                             const HeaderName& name);

/// grpc-status of the trailers or headers of the response, else what its HTTP status means to gRPC.
/// nullopt: not even a status.
std::optional<int> grpc_status_of(const HttpRecord& record);
/// The same, for requests of gRPC only.
std::optional<int> grpc_status_of_grpc(const HttpRecord& record);

}  // namespace weir::access_log
