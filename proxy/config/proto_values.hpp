// SPDX-License-Identifier: Apache-2.0
// Small proto messages that many resources share, into narrow values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ip.hpp"
#include "proxy/config/parse_context.hpp"

namespace google::protobuf {
class Duration;
}
namespace envoy::config::core::v3 {
class Address;
class CidrRange;
class SocketAddress;
}  // namespace envoy::config::core::v3

namespace weir::config {

/// Rounded up to whole milliseconds, so that a short duration does not become "off". Negative or
/// longer than a hundred years: reported, 0.
std::chrono::milliseconds duration_from_proto(const google::protobuf::Duration& proto,
                                              const ParseContext& context);

/// `proto` when it is given, else `otherwise`.
std::chrono::milliseconds duration_or(bool given, const google::protobuf::Duration& proto,
                                      std::chrono::milliseconds otherwise,
                                      const ParseContext& context);

/// A duration that must not be 0 when it is given: `out` keeps its value when it is not.
void read_period(bool given, const google::protobuf::Duration& proto, const ParseContext& context,
                 std::chrono::milliseconds& out);

/// Reports what is no percentage.
void check_percent(double value, const ParseContext& context);

/// In lower case, as far as it is ASCII.
std::string lower_case(std::string_view text);

/// A token of RFC 9110 §5.6.2, as names of headers and methods are.
bool is_header_name(std::string_view text);

/// `value` when it is a port, else reported and 0.
std::uint16_t port_from_proto(std::uint32_t value, const ParseContext& context);

/// Prefix length defaults to 0, as in Envoy. Reported and nullopt when the address or the length is
/// wrong.
std::optional<CidrRange> cidr_from_proto(const envoy::config::core::v3::CidrRange& proto,
                                         const ParseContext& context);

/// The socket_address of an Address; reported and nullptr when there is none.
const envoy::config::core::v3::SocketAddress* socket_address_of(
    const envoy::config::core::v3::Address& proto, const ParseContext& context);

/// IP literal and port of a SocketAddress. A port must be given; it may be 0.
std::optional<Endpoint> endpoint_from_proto(const envoy::config::core::v3::SocketAddress& proto,
                                            const ParseContext& context);

}  // namespace weir::config
