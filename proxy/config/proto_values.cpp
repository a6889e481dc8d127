// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/proto_values.hpp"

#include <algorithm>

#include <google/protobuf/duration.pb.h>

#include "envoy/config/core/v3/address.pb.h"

namespace weir::config {

namespace core = envoy::config::core::v3;

std::chrono::milliseconds duration_from_proto(const google::protobuf::Duration& proto,
                                              const ParseContext& context) {
  constexpr std::int64_t kHundredYears = 3'155'760'000;
  if (proto.seconds() < 0 || proto.nanos() < 0) {
    context.error("duration is negative");
    return {};
  }
  if (proto.seconds() > kHundredYears) {
    context.error("duration of " + std::to_string(proto.seconds()) +
                  " s: longer than a hundred years");
    return {};
  }
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::seconds(proto.seconds()) +
                                                      std::chrono::nanoseconds(proto.nanos()));
}

std::chrono::milliseconds duration_or(bool given, const google::protobuf::Duration& proto,
                                      std::chrono::milliseconds otherwise,
                                      const ParseContext& context) {
  return given ? duration_from_proto(proto, context) : otherwise;
}

void read_period(bool given, const google::protobuf::Duration& proto, const ParseContext& context,
                 std::chrono::milliseconds& out) {
  if (!given) return;
  out = duration_from_proto(proto, context);
  if (out.count() <= 0 && proto.seconds() >= 0 && proto.nanos() >= 0)
    context.error("must be greater than 0s");
}

void check_percent(double value, const ParseContext& context) {
  if (!(value >= 0 && value <= 100)) context.error("must be 0 to 100");
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_header_name(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  const auto is_token = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token);
}

std::uint16_t port_from_proto(std::uint32_t value, const ParseContext& context) {
  if (value <= 65535) return static_cast<std::uint16_t>(value);
  context.error("port '" + std::to_string(value) + "': must be at most 65535");
  return 0;
}

std::optional<CidrRange> cidr_from_proto(const core::CidrRange& proto,
                                         const ParseContext& context) {
  const auto address = IpAddress::parse(proto.address_prefix());
  if (!address) {
    context.field("address_prefix").error(address.error().message);
    return std::nullopt;
  }
  const std::uint32_t length = proto.prefix_len().value();
  if (length > address->bits()) {
    context.field("prefix_len")
        .error("prefix length '" + std::to_string(length) + "': must be at most " +
               std::to_string(address->bits()) + " for " + proto.address_prefix());
    return std::nullopt;
  }
  return CidrRange(*address, length);
}

const core::SocketAddress* socket_address_of(const core::Address& proto,
                                             const ParseContext& context) {
  if (proto.has_socket_address()) return &proto.socket_address();
  context.error("has no socket_address");
  return nullptr;
}

std::optional<Endpoint> endpoint_from_proto(const core::SocketAddress& proto,
                                            const ParseContext& context) {
  const auto address = IpAddress::parse(proto.address());
  if (!address) context.field("address").error(address.error().message);
  if (!proto.has_port_value()) context.error("has no port_value");
  const std::uint16_t port = port_from_proto(proto.port_value(), context.field("port_value"));
  if (!address) return std::nullopt;
  return Endpoint{*address, port};
}

}  // namespace weir::config
