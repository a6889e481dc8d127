// SPDX-License-Identifier: Apache-2.0
// Configurations at random, every field of them: values that flags can say, common ones often.
#pragma once

#include <random>

#include "init/rules/redirect_config.hpp"

namespace weir::init {

class RandomConfig {
 public:
  explicit RandomConfig(std::uint64_t seed) : random_(seed) {}

  RedirectConfig next() {
    RedirectConfig config;
    fill_proxy(config);
    fill_inbound(config);
    fill_outbound(config);
    fill_modes(config);
    return config;
  }

  /// 0 .. limit - 1.
  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

  std::uint16_t port() { return static_cast<std::uint16_t>(1 + below(65535)); }

  IpAddress address(IpFamily family) {
    if (family == IpFamily::v4) return IpAddress::v4(0xc6336400u + below(256));  // 198.51.100.0/24
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    for (std::size_t i = 4; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(one_in(3) ? below(256) : 0);
    return IpAddress::v6(bytes.data());
  }

 private:
  template <class Make>
  auto list(std::uint32_t most, Make make) {
    std::vector<decltype(make())> items;
    for (std::uint32_t n = one_in(2) ? 0 : below(most + 1); n > 0; --n) items.push_back(make());
    return items;
  }
  PortSet ports() {
    PortSet set;
    for (std::uint32_t n = one_in(2) ? 0 : below(6); n > 0; --n) {
      const std::uint16_t first = port();
      const auto last = static_cast<std::uint16_t>(
          one_in(2) ? first : first + below(std::min<std::uint32_t>(500, 65536u - first)));
      set.add({first, last});
    }
    return set;
  }
  std::vector<std::uint32_t> ids(std::uint32_t most) {
    return list(most, [&] { return below(4) == 0 ? below(0xfffffffe) : below(3000); });
  }
  CidrRange cidr() {
    const IpFamily family = one_in(3) ? IpFamily::v6 : IpFamily::v4;
    const IpAddress base = one_in(10) && family == IpFamily::v4
                               ? IpAddress::v4(0x7f000000u + below(65536))
                               : address(family);
    return {base, one_in(20) ? below(base.bits() + 1) : base.bits() - below(base.bits() / 2)};
  }
  std::vector<CidrRange> cidrs() {
    return list(8, [&] { return cidr(); });
  }
  InterfacePattern interface() {
    static constexpr const char* kNames[] = {"eth0", "eth1", "br", "tap0", "vnet", "not-there"};
    return {kNames[below(6)], one_in(3)};
  }

  void fill_proxy(RedirectConfig& config) {
    if (one_in(3)) config.outbound_port = port();
    if (one_in(3)) config.inbound_port = port();
    if (one_in(3)) config.tunnel_port = port();
    if (one_in(2)) config.proxy_uids = ids(4);
    if (one_in(2)) config.proxy_gids = ids(4);
    if (one_in(4)) config.loopback_v4 = CidrRange(IpAddress::v4(0x7f000001), 8 + below(25));
  }
  void fill_inbound(RedirectConfig& config) {
    config.inbound_ports = one_in(2) ? PortSet::all() : ports();
    config.inbound_excluded_ports = ports();
    config.inbound_excluded_sources = cidrs();
  }
  void fill_outbound(RedirectConfig& config) {
    config.outbound_cidrs.all = one_in(2);
    if (!config.outbound_cidrs.all) config.outbound_cidrs.ranges = cidrs();
    config.outbound_excluded_cidrs = cidrs();
    config.outbound_ports = ports();
    config.outbound_excluded_ports = ports();
    config.excluded_interfaces = list(3, [&] { return interface(); });
    config.virtual_interfaces = list(3, [&] { return interface(); });
    if (one_in(4))
      config.virtual_networks = list(3, [&] { return VirtualNetwork{interface(), cidr()}; });
    config.owner_groups.all = !one_in(3);
    if (!config.owner_groups.all) config.owner_groups.included = ids(5);
    config.owner_groups.excluded = ids(5);
    config.user_exclusions = list(3, [&] { return user_exclusion(); });
  }
  UserExclusion user_exclusion() {
    UserExclusion exclusion;
    exclusion.udp = one_in(3);
    exclusion.ports = one_in(4) ? PortSet::all() : ports();
    if (exclusion.ports.empty()) exclusion.ports.add({53, 53});
    for (std::uint32_t n = 1 + below(3); n > 0; --n) {
      const std::uint32_t first = below(3000);
      exclusion.users.push_back({first, first + (one_in(2) ? 0 : below(100))});
    }
    return exclusion;
  }
  void fill_modes(RedirectConfig& config) {
    if (one_in(3)) config.inbound_mode = InboundMode::tproxy;
    if (one_in(4)) config.tproxy.route_table = 1 + below(252);
    if (one_in(4)) config.tproxy.mask = 0xffff;
    if (one_in(4)) config.tproxy.mark = 1 + below(0xffd);
    config.dns.scope = static_cast<DnsScope>(below(3));
    if (config.dns.scope == DnsScope::servers)
      for (std::uint32_t n = 1 + below(3); n > 0; --n)
        config.dns.servers.push_back(address(one_in(2) ? IpFamily::v4 : IpFamily::v6));
    if (one_in(4)) config.dns.port = port();
    config.dns.split_zones = !one_in(3);
    config.drop_invalid = one_in(3);
    config.ipv6 = static_cast<Ipv6Mode>(one_in(2) ? 0 : below(3));
    config.own_address = one_in(4) ? OwnAddress::direct : OwnAddress::inbound;
    config.reject_quic = one_in(4);
    config.hold_until_listening = !one_in(4);
    if (one_in(3)) config.close_wait_timeout = below(100'000);
  }

  std::mt19937_64 random_;
};

}  // namespace weir::init
