// SPDX-License-Identifier: Apache-2.0
// ClientHello parsing: no bytes break it, and looking again with more bytes never contradicts an
// earlier answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "proxy/tls/client_hello.hpp"

namespace {

using weir::tls::ClientHelloResult;
using weir::tls::kMaxClientHelloBytes;
using weir::tls::parse_client_hello;
using Kind = ClientHelloResult::Kind;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_contract(const ClientHelloResult& result, std::size_t size) {
  if (result.kind == Kind::need_more)
    require(result.min_bytes > size && result.min_bytes <= kMaxClientHelloBytes);
  else
    require(result.min_bytes == 0);
  require((result.kind == Kind::malformed) == !result.reason.empty());
  require(result.server_name.size() <= 255);
  for (const char c : result.server_name) require(c > 0x20 && c < 0x7f && !(c >= 'A' && c <= 'Z'));
  for (const auto& protocol : result.application_protocols) require(!protocol.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto whole = parse_client_hello(bytes);
  check_contract(whole, size);

  // A reader that asks again exactly when told to ends with the same answer, at the latest with all
  // bytes. Only that it is hopeless may show earlier to somebody who looks before that.
  std::size_t have = 0;
  auto result = parse_client_hello(bytes.first(have));
  while (result.kind == Kind::need_more && result.min_bytes <= size) {
    have = result.min_bytes;
    result = parse_client_hello(bytes.first(have));
    check_contract(result, have);
  }
  const bool hopeless = whole.kind == Kind::malformed || whole.kind == Kind::too_large;
  require(result.kind == whole.kind || (hopeless && result.kind == Kind::need_more));
  require(result.server_name == whole.server_name);
  require(result.application_protocols == whole.application_protocols);
  return 0;
}
