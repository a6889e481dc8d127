// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/http_values.hpp"

#include <algorithm>

#include "proxy/http/grpc_status.hpp"
#include "proxy/http/header_map.hpp"

namespace weir::access_log {
namespace {

using http::HeaderId;

const http::HeaderField* find(const http::HeaderMap* headers, HeaderId id) {
  return headers == nullptr ? nullptr : headers->find(id);
}

}  // namespace

HeaderName HeaderName::parse(std::string_view name, bool of_request) {
  HeaderName out;
  out.text = name;
  std::transform(out.text.begin(), out.text.end(), out.text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  out.id = http::header_id(out.text);
  if (out.id == HeaderId::host && of_request) out.id = HeaderId::authority;
  if (out.id != HeaderId::none) out.text.clear();
  return out;
}

std::optional<std::string_view> header_value(const http::HeaderMap* headers,
                                             const HeaderName& name) {
  if (headers == nullptr || name.empty()) return std::nullopt;
  const http::HeaderField* const field =
      name.id != HeaderId::none ? headers->find(name.id) : headers->find(name.text);
  if (field == nullptr) return std::nullopt;
  return field->value;
}

std::optional<int> grpc_status_of(const HttpRecord& record) {
  for (const http::HeaderMap* from : {record.response_trailers, record.response_headers})
    if (const auto* field = find(from, HeaderId::grpc_status))
      return http::parse_grpc_status(field->value);
  if (record.response_code == 0) return std::nullopt;
  return http::grpc_status_of_http(record.response_code);
}

std::optional<int> grpc_status_of_grpc(const HttpRecord& record) {
  const auto* type = find(record.request_headers, HeaderId::content_type);
  if (type == nullptr || !http::is_grpc_content_type(type->value)) return std::nullopt;
  return grpc_status_of(record);
}

}  // namespace weir::access_log
