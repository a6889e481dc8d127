// SPDX-License-Identifier: Apache-2.0
// Reads the server name and the application protocols that a TLS client asks for, from the first
// bytes of a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tls {

/// A ClientHello must end within this many bytes of the stream, record headers included.
inline constexpr std::size_t kMaxClientHelloBytes = 64 * 1024;
/// Protocols past this many are checked but not kept: nobody offers more, and a peer must not
/// choose our memory.
inline constexpr std::size_t kMaxApplicationProtocols = 128;

struct ClientHelloResult {
  enum class Kind : std::uint8_t {
    not_tls,    // the stream cannot begin a TLS connection: carry on as raw_buffer
    need_more,  // look again when the stream has `min_bytes`
    found,      // a whole ClientHello; the members after `found` below are set
    malformed,  // begins like TLS, but breaks its rules; no TLS server would go on
    too_large,  // no ClientHello within kMaxClientHelloBytes
  };
  Kind kind = Kind::not_tls;
  /// need_more: with fewer bytes, counted from the start of the stream, the stream is neither a
  /// whole ClientHello nor known not to be TLS. Always more than were given, at most
  /// kMaxClientHelloBytes. Looking again only then keeps the cost of slow senders near linear.
  std::size_t min_bytes = 0;
  /// malformed: which rule, for the log. Static text.
  std::string_view reason;

  // found:
  std::string server_name;  // lower case, 1 to 255 printable ASCII characters; "" when not sent
  std::vector<std::string> application_protocols;  // ALPN, in the client's order, opaque bytes
};

/// `bytes` is the stream from its first byte on; what follows the ClientHello is not looked at. Any
/// thread. Sources: record layer RFC 8446 §5.1, ClientHello RFC 8446 §4.1.2 and RFC 5246 §7.4.1.2,
/// server_name RFC 6066 §3, ALPN RFC 7301 §3.1. SSL 2 hellos are not_tls. Unknown extensions,
/// GREASE (RFC 8701) among them, are skipped.
ClientHelloResult parse_client_hello(std::span<const std::byte> bytes);

}  // namespace weir::tls
