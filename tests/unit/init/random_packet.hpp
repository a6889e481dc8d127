// SPDX-License-Identifier: Apache-2.0
// Packets at random for a configuration: often with values that its rules look at.
#pragma once

#include <iterator>
#include <string>
#include <vector>

#include "common/kernel_headers.hpp"
#include "init/rules/evaluate.hpp"
#include "tests/unit/init/random_config.hpp"

namespace weir::init {

class RandomPacket {
 public:
  RandomPacket(RandomConfig& random, const RedirectConfig& config)
      : random_(random), config_(config) {}

  Packet next() {
    Packet packet;
    packet.inbound = random_.one_in(2);
    const IpFamily family = random_.one_in(3) ? IpFamily::v6 : IpFamily::v4;
    packet.protocol = pick<std::uint8_t>({IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP});
    packet.source = address(family);
    packet.destination = address(family);
    packet.source_port = port();
    packet.destination_port = port();
    (packet.inbound ? packet.in_interface : packet.out_interface) = interface();
    if (!packet.inbound && !random_.one_in(10)) {
      packet.uid = id(config_.proxy_uids);
      packet.gid = random_.one_in(2) ? id(config_.proxy_gids)
                                     : id(config_.owner_groups.all ? config_.owner_groups.excluded
                                                                   : config_.owner_groups.included);
    }
    if (random_.one_in(3)) packet.mark = mark();
    if (random_.one_in(3)) packet.ct_mark = mark();
    packet.ct_state =
        pick<std::uint32_t>({kCtStateNew, kCtStateNew, kCtStateNew, kCtStateEstablished,
                             kCtStateRelated, kCtStateInvalid, kCtStateUntracked});
    packet.tcp_flags = pick<std::uint8_t>({kTcpSyn, kTcpSyn, 0x10, 0x12, 0x11, 0x04});
    packet.proxy_listens = !random_.one_in(4);
    return packet;
  }

 private:
  template <class T>
  T pick(std::initializer_list<T> values) {
    return *std::next(values.begin(), random_.below(static_cast<std::uint32_t>(values.size())));
  }
  template <class T>
  const T& any_of(const std::vector<T>& values) {
    return values[random_.below(static_cast<std::uint32_t>(values.size()))];
  }

  IpAddress address(IpFamily family) {
    std::vector<CidrRange> ranges = config_.outbound_cidrs.ranges;
    for (const auto* list : {&config_.outbound_excluded_cidrs, &config_.inbound_excluded_sources})
      ranges.insert(ranges.end(), list->begin(), list->end());
    std::erase_if(ranges, [&](const CidrRange& r) { return r.address().family() != family; });
    if (!ranges.empty() && random_.one_in(2)) {
      const CidrRange& range = any_of(ranges);
      return random_.one_in(2) ? range.address() : range.last();
    }
    if (random_.one_in(4))
      return *IpAddress::parse(family == IpFamily::v4
                                   ? pick<const char*>({"127.0.0.1", "127.0.0.6", "127.1.2.3"})
                                   : pick<const char*>({"::1", "::6", "::7"}));
    for (const IpAddress& server : config_.dns.servers)
      if (server.family() == family && random_.one_in(2)) return server;
    return random_.address(family);
  }

  std::uint16_t port() {
    std::vector<std::uint16_t> ports{53,
                                     443,
                                     config_.outbound_port,
                                     config_.inbound_port,
                                     config_.tunnel_port,
                                     config_.dns.port};
    for (const PortSet* set : {&config_.inbound_ports, &config_.inbound_excluded_ports,
                               &config_.outbound_ports, &config_.outbound_excluded_ports})
      if (!set->is_all())
        for (const PortRange& range : set->ranges()) {
          ports.push_back(range.first);
          ports.push_back(range.last);
          if (range.last < 65535) ports.push_back(static_cast<std::uint16_t>(range.last + 1));
        }
    return random_.one_in(4) ? random_.port() : any_of(ports);
  }

  std::uint32_t id(const std::vector<std::uint32_t>& known) {
    if (!known.empty() && random_.one_in(2)) return any_of(known);
    if (!config_.user_exclusions.empty() && random_.one_in(2)) {
      const IdRange& range = any_of(any_of(config_.user_exclusions).users);
      return pick<std::uint32_t>({range.first, range.last, range.last + 1});
    }
    return random_.below(3000);
  }

  std::string interface() {
    std::vector<std::string> names{"lo", "lo", "eth0"};
    for (const auto* list : {&config_.excluded_interfaces, &config_.virtual_interfaces})
      for (const InterfacePattern& pattern : *list) {
        names.push_back(pattern.name);
        names.push_back(pattern.name + "1");
      }
    return any_of(names);
  }

  std::uint32_t mark() {
    const std::uint32_t mark = config_.tproxy.mark;
    return pick<std::uint32_t>({mark, mark + 1, mark | 0x10000, mark + 2, 1});
  }

  RandomConfig& random_;
  const RedirectConfig& config_;
};

inline Packet random_packet(RandomConfig& random, const RedirectConfig& config) {
  return RandomPacket(random, config).next();
}

}  // namespace weir::init
