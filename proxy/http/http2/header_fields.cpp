// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http2/header_fields.hpp"

#include <initializer_list>

namespace weir::http {
namespace {

/// Is not written as a regular field of an HTTP/2 message.
bool left_out(const HeaderField& field, FieldsOf kind) noexcept {
  switch (field.id) {
    case HeaderId::none:
      return field.removed();
    case HeaderId::connection:
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::transfer_encoding:
    case HeaderId::upgrade:
      return true;
    case HeaderId::te:
      return field.value != "trailers";
    case HeaderId::host:
      return kind == FieldsOf::request;
    default:
      return is_pseudo(field.id);
  }
}

/// Differs in every message: in the peer's table it would only push out what repeats.
bool never_repeats(HeaderId id) noexcept {
  switch (id) {
    case HeaderId::x_request_id:
    case HeaderId::x_envoy_upstream_service_time:
      return true;
    default:
      return false;
  }
}

std::uint8_t* bytes_of(std::string_view text) noexcept {
  // The library takes pointers to bytes that it does not write.
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

HeaderFields::HeaderFields(const HeaderMap& headers, FieldsOf kind) {
  const std::size_t most = headers.fields().size() + 1;
  if (most > kInPlace)
    fields_ = static_cast<nghttp2_nv*>(
        headers.arena().allocate(most * sizeof(nghttp2_nv), alignof(nghttp2_nv)));
  if (kind == FieldsOf::request) {
    // In the order in which they are there, as Envoy does it.
    for (const HeaderField& field : headers.fields())
      if (is_pseudo(field.id) && field.id != HeaderId::status) add(field);
    if (!headers.has(HeaderId::authority)) add_pseudo(headers, HeaderId::host);
  } else if (kind == FieldsOf::response) {
    add_pseudo(headers, HeaderId::status);
  }
  for (const HeaderField& field : headers.fields())
    if (!left_out(field, kind)) add(field);
}

void HeaderFields::add_pseudo(const HeaderMap& headers, HeaderId id) noexcept {
  const HeaderField* const field = headers.find(id);
  if (field == nullptr) return;
  const HeaderId written = id == HeaderId::host ? HeaderId::authority : id;
  add({header_name(written), field->value, written});
}

void HeaderFields::add(const HeaderField& field) noexcept {
  std::uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  if (never_repeats(field.id)) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
  fields_[size_++] = {bytes_of(field.name), bytes_of(field.value), field.name.size(),
                      field.value.size(), flags};
}

}  // namespace weir::http
