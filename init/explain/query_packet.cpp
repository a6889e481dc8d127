// SPDX-License-Identifier: Apache-2.0
#include "init/explain/query_packet.hpp"

#include "init/routing/route_lookup.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kApplicationUid = 1000;

// What the kernel would choose, where the question leaves it open.
Result<void> route_outbound(const ExplainQuery& query, Packet& packet) {
  packet.out_interface = query.interface;
  if (!query.interface.empty() && query.from) return {};
  const auto route = find_route({packet.destination, query.from, packet.uid, query.mark});
  if (!route && query.interface.empty())
    return Error{"no route to '" + packet.destination.to_string() + "': " + route.error().message +
                     ": a connection fails before any rule sees it; --interface NAME explains it "
                     "as if there were one",
                 route.error().code};
  if (!route) return {};
  if (query.interface.empty()) packet.out_interface = route->interface;
  if (!query.from && route->source) packet.source = *route->source;
  return {};
}

Result<void> route_inbound(const ExplainQuery& query, Packet& packet) {
  const auto onward = find_route({packet.destination, {}, {}, query.mark});
  packet.forwarded = onward && onward->interface != "lo";
  packet.in_interface = query.interface;
  if (!query.interface.empty()) return {};
  if (query.from) {
    const auto route = find_route({*query.from, {}, {}, 0});
    if (route && route->interface != "lo") packet.in_interface = route->interface;
  }
  if (packet.in_interface.empty()) {
    TRY(packet.in_interface, interface_of(packet.destination));
  }
  if (packet.in_interface.empty())
    return Error{"--to '" + packet.destination.to_string() +
                 "': no interface here has this address; say by which one it comes in: "
                 "--interface NAME"};
  return {};
}

}  // namespace

Result<Packet> packet_for(const ExplainQuery& query) {
  Packet packet;
  packet.inbound = query.inbound;
  packet.protocol = query.udp ? IPPROTO_UDP : IPPROTO_TCP;
  packet.destination = *query.to;
  packet.destination_port = query.to_port;
  packet.source = query.from.value_or(IpAddress::any(query.to->family()));
  packet.source_port = query.from_port;
  packet.mark = query.mark;
  if (query.inbound) {
    TRY_VOID(route_inbound(query, packet));
    return packet;
  }
  packet.uid = query.uid.value_or(kApplicationUid);
  packet.gid = query.gid.value_or(*packet.uid);
  TRY_VOID(route_outbound(query, packet));
  return packet;
}

}  // namespace weir::init
