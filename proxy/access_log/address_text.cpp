// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/address_text.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace weir::access_log {
namespace {

char* put_number(char* at, unsigned number) { return std::to_chars(at, at + 5, number).ptr; }

char* put_address(char* at, const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (!address.is_v4()) {
    inet_ntop(AF_INET6, bytes.data(), at, INET6_ADDRSTRLEN);
    return at + std::strlen(at);
  }
  for (unsigned i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = put_number(at, bytes[i]);
  }
  return at;
}

std::string_view text_of(const AddressBuffer& buffer, const char* end) {
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

}  // namespace

std::string_view print_address(const IpAddress& address, AddressBuffer& buffer) {
  return text_of(buffer, put_address(buffer.data(), address));
}

std::string_view print_endpoint(const Endpoint& endpoint, AddressBuffer& buffer) {
  const bool bracketed = !endpoint.address.is_v4();
  char* at = buffer.data();
  if (bracketed) *at++ = '[';
  at = put_address(at, endpoint.address);
  if (bracketed) *at++ = ']';
  *at++ = ':';
  return text_of(buffer, put_number(at, endpoint.port));
}

}  // namespace weir::access_log
